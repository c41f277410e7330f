using System.Globalization;
using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Cli.Synthesis;

/// <summary>
/// Writes a checkpoint of random weights in the real layout: linears in FP8 blocks with their scales, or in BF16 where the
/// configuration tells of no quantisation, the rest as published checkpoints have it, in shards with an index. Each tensor's elements depend on the seed, its name and its
/// shape alone. It streams: its memory does not grow with the checkpoint.
/// </summary>
internal sealed class RandomCheckpoint
{
    private const int ChunkElements = 1 << 18;

    private readonly Dictionary<long, RandomLinear> _linears = [];
    private readonly Dictionary<(double, double), RandomElements<ushort>> _plain = [];
    private readonly byte[] _bytes = new byte[ChunkElements];
    private readonly ushort[] _halves = new ushort[ChunkElements];
    private readonly float[] _floats = new float[ChunkElements];
    private readonly byte[] _json;
    private readonly bool _isQuantized;
    private readonly List<WeightSpec[]> _shards = [];

    /// <param name="json">The <c>config.json</c>.</param>
    /// <param name="shardBytes">Where a shard is full; a tensor that is larger has one of its own.</param>
    /// <exception cref="CheckpointException">The configuration is not one that Hadal runs.</exception>
    public RandomCheckpoint(byte[] json, long shardBytes)
    {
        _json = json;
        var config = DeepSeekConfig.Parse(json);
        _isQuantized = config.Quantization is not null;
        List<WeightSpec> shard = [];
        long bytes = 0;
        foreach (WeightSpec weight in new WeightMap(config).Weights)
        {
            long length = Declarations(weight).Sum(ByteLength);
            if (shard.Count > 0 && bytes + length > shardBytes)
            {
                _shards.Add([.. shard]);
                shard.Clear();
                bytes = 0;
            }
            shard.Add(weight);
            bytes += length;
            TotalBytes += length;
        }
        _shards.Add([.. shard]);
    }

    /// <summary>Bytes of all tensors.</summary>
    public long TotalBytes { get; }

    /// <summary>The files of weights.</summary>
    public int ShardCount => _shards.Count;

    /// <summary>Which scales FP8 blocks have.</summary>
    public ScaleKind Scales { get; init; } = ScaleKind.PowersOfTwo;

    /// <summary>The same seed gives the same bytes.</summary>
    public ulong Seed { get; init; }

    /// <summary>Writes it all. What a failed call leaves in the folder can't be opened as a checkpoint.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="progress">Is told how many bytes more were written.</param>
    /// <param name="cancellationToken">Looked at every quarter of a million elements.</param>
    public void Write(string folder, Action<long> progress, CancellationToken cancellationToken)
    {
        var index = new Dictionary<string, string>();
        for (int i = 0; i < _shards.Count; i++)
        {
            string name = string.Create(
                CultureInfo.InvariantCulture,
                $"model-{i + 1:00000}-of-{_shards.Count:00000}.safetensors"
            );
            TensorDeclaration[] tensors = [.. _shards[i].SelectMany(Declarations)];
            using var file = SafetensorsWriter.Create(
                Path.Combine(folder, name),
                tensors,
                new Dictionary<string, string> { ["format"] = "pt" }
            );
            foreach (WeightSpec weight in _shards[i])
                WriteWeight(file, weight, progress, cancellationToken);
            file.Complete();
            foreach (TensorDeclaration tensor in tensors)
                index.Add(tensor.Name, name);
        }
        WriteIndex(Path.Combine(folder, CheckpointIndex.FileName), index);
        File.WriteAllBytes(Path.Combine(folder, "config.json"), _json);
    }

    /// <summary>A predictor's projection is in BF16 in quantised files too, as published.</summary>
    private bool IsFp8(WeightSpec weight) =>
        _isQuantized
        && weight.Quantizable
        && !weight.Name.EndsWith("eh_proj.weight", StringComparison.Ordinal);

    private IEnumerable<TensorDeclaration> Declarations(WeightSpec weight)
    {
        if (IsFp8(weight))
        {
            yield return new TensorDeclaration(weight.Name, DType.F8E4M3, weight.Shape);
            yield return new TensorDeclaration(weight.ScaleName, DType.F32, weight.ScaleShape);
        }
        else
        {
            bool wide = weight.Name.Contains("k_norm", StringComparison.Ordinal) || IsBias(weight);
            yield return new TensorDeclaration(
                weight.Name,
                wide ? DType.F32 : DType.BF16,
                weight.Shape
            );
        }
    }

    private static bool IsBias(WeightSpec weight) =>
        weight.Name.EndsWith("bias", StringComparison.Ordinal);

    private static long Count(TensorDeclaration tensor) =>
        tensor.Shape.Aggregate(1L, static (product, size) => product * size);

    private static long ByteLength(TensorDeclaration tensor) =>
        Count(tensor) * tensor.DType.Bits / 8;

    private void WriteWeight(
        SafetensorsWriter file,
        WeightSpec weight,
        Action<long> progress,
        CancellationToken cancellationToken
    )
    {
        foreach (TensorDeclaration tensor in Declarations(weight))
        {
            var random = new SplitMix64(Seed ^ Hash(tensor.Name));
            for (long left = Count(tensor); left > 0; )
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = (int)Math.Min(left, ChunkElements);
                WriteElements(file, weight, tensor, ref random, count);
                progress((long)count * tensor.DType.Bits / 8);
                left -= count;
            }
        }
    }

    private void WriteElements(
        SafetensorsWriter file,
        WeightSpec weight,
        TensorDeclaration tensor,
        ref SplitMix64 random,
        int count
    )
    {
        if (tensor.DType == DType.F8E4M3)
        {
            Linear(weight).Codes.Fill(ref random, _bytes.AsSpan(0, count));
            file.Write<byte>(tensor.Name, _bytes.AsSpan(0, count));
            return;
        }
        if (IsFp8(weight))
        {
            Linear(weight).FillScales(ref random, _floats.AsSpan(0, count));
            file.Write<float>(tensor.Name, _floats.AsSpan(0, count));
            return;
        }
        Plain(weight).Fill(ref random, _halves.AsSpan(0, count));
        if (tensor.DType == DType.BF16)
        {
            file.Write<ushort>(tensor.Name, _halves.AsSpan(0, count));
            return;
        }
        for (int i = 0; i < count; i++)
            _floats[i] = BitConverter.UInt32BitsToSingle((uint)_halves[i] << 16);
        file.Write<float>(tensor.Name, _floats.AsSpan(0, count));
    }

    private RandomLinear Linear(WeightSpec weight)
    {
        long inputs = weight.Shape[1];
        if (!_linears.TryGetValue(inputs, out RandomLinear? linear))
            _linears.Add(inputs, linear = new RandomLinear((int)inputs, Scales));
        return linear;
    }

    /// <summary>
    /// Scales of norms are about 1 and biases small; embeddings are as large as what the layers add to them, and what other
    /// matrices make of a normalised input is too: scores and routes differ from token to token.
    /// </summary>
    private RandomElements<ushort> Plain(WeightSpec weight)
    {
        (double Mean, double Deviation) moments = weight switch
        {
            _ when IsBias(weight) => (0, 0.02),
            { Shape.Length: 1 } => (1, 0.1),
            { Name: "model.embed_tokens.weight" } => (0, 1),
            _ => (0, 1 / Math.Sqrt(weight.Shape[1])),
        };
        if (!_plain.TryGetValue(moments, out RandomElements<ushort>? elements))
        {
            elements = new RandomElements<ushort>(
                moments.Mean,
                moments.Deviation,
                Encoding.BFloat16
            );
            _plain.Add(moments, elements);
        }
        return elements;
    }

    private void WriteIndex(string path, Dictionary<string, string> index)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteNumber("total_size", TotalBytes);
        json.WriteEndObject();
        json.WriteStartObject("weight_map");
        foreach ((string name, string shard) in index)
            json.WriteString(name, shard);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>FNV-1a, 64 bits: the same for a name on every platform and version.</summary>
    private static ulong Hash(string name)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (char c in name)
            hash = (hash ^ c) * 0x100000001b3;
        return hash;
    }
}
