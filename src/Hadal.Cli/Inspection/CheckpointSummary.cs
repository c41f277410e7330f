using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Cli.Inspection;

/// <summary>What a checkpoint is made of, told by its configuration and the headers of its files alone.</summary>
internal sealed class CheckpointSummary
{
    private const string ScaleSuffix = "_scale_inv";

    public CheckpointSummary(Checkpoint checkpoint)
    {
        Config = checkpoint.Config;
        Folder = checkpoint.Folder;
        FileCount = checkpoint.Files.Count;
        TensorCount = checkpoint.Tensors.Count;
        long activeExperts = 0;
        foreach (TensorView tensor in checkpoint.Tensors.Values)
        {
            BytesByType[tensor.DType] =
                BytesByType.GetValueOrDefault(tensor.DType) + tensor.ByteLength;
            WeightBytes += tensor.ByteLength;
            if (tensor.Name.EndsWith(ScaleSuffix, StringComparison.Ordinal))
                continue;
            if (IsPrediction(tensor.Name))
            {
                PredictionParameters += tensor.ElementCount;
                continue;
            }
            Parameters += tensor.ElementCount;
            if (tensor.Name.Contains(".mlp.experts.", StringComparison.Ordinal))
                activeExperts += tensor.ElementCount;
            else
                ActiveParameters += tensor.ElementCount;
        }
        ActiveParameters += activeExperts / Config.NRoutedExperts * Config.NumExpertsPerTok;
    }

    public DeepSeekConfig Config { get; }

    public string Folder { get; }

    public int FileCount { get; }

    public int TensorCount { get; }

    /// <summary>Bytes of all tensors, scales included.</summary>
    public long WeightBytes { get; }

    /// <summary>The same, by the type of their elements.</summary>
    public SortedDictionary<DType, long> BytesByType { get; } = [];

    /// <summary>Parameters of the model proper: scales are not counted, nor are the layers of multi-token prediction.</summary>
    public long Parameters { get; }

    /// <summary>Those of them that one token uses.</summary>
    public long ActiveParameters { get; }

    /// <summary>Parameters of the layers of multi-token prediction.</summary>
    public long PredictionParameters { get; }

    private bool IsPrediction(string name)
    {
        const string prefix = "model.layers.";
        if (!name.StartsWith(prefix, StringComparison.Ordinal))
            return false;
        ReadOnlySpan<char> rest = name.AsSpan(prefix.Length);
        int dot = rest.IndexOf('.');
        return dot > 0
            && int.TryParse(rest[..dot], out int layer)
            && layer >= Config.NumHiddenLayers;
    }
}
