using System.Collections.ObjectModel;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>
/// A model's folder in the Hugging Face layout, opened: its configuration, and its weights mapped into memory. Weights are
/// read from the disk when they are used, not before. Safe to read from several threads; none may be in use while it is
/// disposed of.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const int MaxConfigLength = 1 << 20;
    private const string SingleFileName = "model.safetensors";

    private readonly List<SafetensorsFile> _files;
    private readonly ReadOnlyDictionary<string, TensorView> _tensors;

    private Checkpoint(
        string folder,
        DeepSeekConfig config,
        List<SafetensorsFile> files,
        Dictionary<string, TensorView> tensors
    )
    {
        Folder = folder;
        Config = config;
        _files = files;
        _tensors = tensors.AsReadOnly();
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>What its <c>config.json</c> says.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>The files of its weights.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>Its weights by name.</summary>
    public IReadOnlyDictionary<string, TensorView> Tensors => _tensors;

    /// <summary>The weight of a name.</summary>
    /// <exception cref="CheckpointException">There is none of that name.</exception>
    public TensorView this[string name] =>
        _tensors.TryGetValue(name, out TensorView tensor)
            ? tensor
            : throw new CheckpointException($"{Folder}: has no tensor '{name}'");

    /// <summary>Opens a folder: reads its configuration and the headers of its weights, and checks both.</summary>
    /// <param name="folder">
    /// Holds <c>config.json</c>, and <c>model.safetensors</c> or <c>model.safetensors.index.json</c> with its shards.
    /// </param>
    /// <param name="progress">Is told of each file opened.</param>
    /// <param name="cancellationToken">Looked at between files.</param>
    /// <exception cref="CheckpointException">Something is missing, broken or not supported.</exception>
    public static Checkpoint Open(
        string folder,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        DeepSeekConfig config = DeepSeekConfig.Parse(
            SmallFile.Read(Path.Combine(folder, "config.json"), MaxConfigLength)
        );
        bool single = File.Exists(Path.Combine(folder, SingleFileName));
        if (!single && !File.Exists(Path.Combine(folder, CheckpointIndex.FileName)))
            throw new CheckpointException(
                $"{folder}: has neither {SingleFileName} nor {CheckpointIndex.FileName}"
            );
        Dictionary<string, string>? index = single ? null : CheckpointIndex.Read(folder);
        var files = new List<SafetensorsFile>();
        try
        {
            string[] names = index is null
                ? [SingleFileName]
                : [.. index.Values.Distinct().Order(StringComparer.Ordinal)];
            RequireFiles(folder, names);
            foreach (string name in names)
            {
                cancellationToken.ThrowIfCancellationRequested();
                files.Add(SafetensorsFile.Open(Path.Combine(folder, name)));
                progress?.Report(new CheckpointProgress(name, files.Count, names.Length));
            }
            Dictionary<string, TensorView> tensors = Gather(folder, index, files);
            IReadOnlyList<string> problems = new WeightMap(config).Check(tensors);
            if (problems.Count > 0)
                throw new CheckpointException(
                    $"{folder}: {problems.Count} tensors are not what config.json tells of",
                    problems
                );
            return new Checkpoint(folder, config, files, tensors);
        }
        catch
        {
            files.ForEach(static file => file.Dispose());
            throw;
        }
    }

    /// <summary>Unmaps its files: the weights can't be reached any more.</summary>
    public void Dispose() => _files.ForEach(static file => file.Dispose());

    private static void RequireFiles(string folder, string[] names)
    {
        string[] missing = [.. names.Where(name => !File.Exists(Path.Combine(folder, name)))];
        if (missing.Length > 0)
            throw new CheckpointException(
                $"{folder}: {missing.Length} of {names.Length} files of weights are missing",
                missing
            );
    }

    /// <summary>All tensors by name, each from the shard that the index names; where there is none, from the one file.</summary>
    private static Dictionary<string, TensorView> Gather(
        string folder,
        Dictionary<string, string>? index,
        List<SafetensorsFile> files
    )
    {
        var tensors = new Dictionary<string, TensorView>();
        var problems = new List<string>();
        foreach (SafetensorsFile file in files)
        {
            string shard = Path.GetFileName(file.Path);
            foreach ((string name, TensorView tensor) in file.Tensors)
            {
                if (index is not null && index.GetValueOrDefault(name) != shard)
                    problems.Add(
                        $"'{name}' is in {shard}, but the index {(index.TryGetValue(name, out string? other) ? $"says {other}" : "has no such tensor")}"
                    );
                else
                    tensors.Add(name, tensor);
            }
        }
        foreach ((string name, string shard) in index ?? [])
        {
            if (!tensors.ContainsKey(name))
                problems.Add($"'{name}' is not in {shard}, where the index says it is");
        }
        if (problems.Count > 0)
            throw new CheckpointException(
                $"{folder}: index and shards disagree about {problems.Count} tensors",
                problems
            );
        return tensors;
    }
}
