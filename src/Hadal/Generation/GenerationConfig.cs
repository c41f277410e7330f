using System.Collections.Immutable;
using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Json;

namespace Hadal.Generation;

/// <summary>
/// A checkpoint's <c>generation_config.json</c>: how its makers recommend to sample, and which tokens end a text. A field
/// that is absent, null or −1 says nothing, like an empty or a missing file. Each property reads its own field, so a bad
/// one is no obstacle to the others. Thread-safe.
/// </summary>
public sealed class GenerationConfig
{
    private const string FileName = "generation_config.json";
    private const int MaxLength = 1 << 20;
    private const int MaxTokens = 1 << 22;

    private readonly JsonFields? _fields;

    private GenerationConfig(JsonFields? fields) => _fields = fields;

    /// <summary>All recommended sampling together: greedy where the file doesn't say <c>do_sample</c>.</summary>
    /// <exception cref="CheckpointException">A field is not as it must be.</exception>
    public SamplingOptions Sampling =>
        new()
        {
            Temperature = Temperature,
            TopK = TopK,
            TopP = TopP,
            MinP = MinP,
            RepetitionPenalty = RepetitionPenalty,
        };

    /// <summary><c>temperature</c>, 1 by default; 0 where the file doesn't say <c>do_sample</c>.</summary>
    /// <exception cref="CheckpointException">The field, or <c>do_sample</c>, is not as it must be.</exception>
    public float Temperature => Samples ? Number("temperature", 0, 1e6, 1) : 0;

    /// <summary><c>top_k</c>; 0, which keeps all, by default and where the file doesn't say <c>do_sample</c>.</summary>
    /// <exception cref="CheckpointException">The field, or <c>do_sample</c>, is not as it must be.</exception>
    public int TopK =>
        Samples && Has("top_k") ? _fields!.Value.Integer("top_k", 0, int.MaxValue) : 0;

    /// <summary><c>top_p</c>; 1, which keeps all, by default and where the file doesn't say <c>do_sample</c>.</summary>
    /// <exception cref="CheckpointException">The field, or <c>do_sample</c>, is not as it must be.</exception>
    public float TopP => Samples ? Number("top_p", 1e-6, 1, 1) : 1;

    /// <summary><c>min_p</c>; 0, which keeps all, by default and where the file doesn't say <c>do_sample</c>.</summary>
    /// <exception cref="CheckpointException">The field, or <c>do_sample</c>, is not as it must be.</exception>
    public float MinP => Samples ? Number("min_p", 0, 1, 0) : 0;

    /// <summary><c>repetition_penalty</c>, 1 by default.</summary>
    /// <exception cref="CheckpointException">The field is not as it must be.</exception>
    public float RepetitionPenalty => Number("repetition_penalty", 1e-6, 1e6, 1);

    /// <summary><c>eos_token_id</c>: one id or several; empty by default.</summary>
    /// <exception cref="CheckpointException">The field is not as it must be.</exception>
    public ImmutableArray<int> EosTokenIds =>
        Has("eos_token_id") ? _fields!.Value.Integers("eos_token_id", 0, MaxTokens - 1) : [];

    /// <summary>Whether <c>do_sample</c> is true.</summary>
    private bool Samples => Has("do_sample") && _fields!.Value.Flag("do_sample");

    /// <summary>Reads the file from a checkpoint's folder.</summary>
    /// <param name="folder">The folder; it need not hold the file.</param>
    /// <exception cref="CheckpointException">The file can't be read, or is not JSON.</exception>
    public static GenerationConfig Read(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = Path.Combine(folder, FileName);
        return RegularFile.HasContent(path) ? Parse(SmallFile.Read(path, MaxLength)) : new(null);
    }

    /// <summary>Reads the file's content, UTF-8.</summary>
    /// <param name="json">The content; may be empty.</param>
    /// <exception cref="CheckpointException">It is not JSON.</exception>
    internal static GenerationConfig Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Span.Trim(" \t\r\n"u8).IsEmpty)
            return new(null);
        return JsonText.Read(
            json,
            FileName,
            CheckpointException.Create,
            static root => new GenerationConfig(
                root.ValueKind == JsonValueKind.Null
                    ? null
                    : new JsonFields(root.Clone(), FileName, CheckpointException.Create)
            )
        );
    }

    private float Number(string name, double min, double max, float otherwise) =>
        Has(name) ? (float)_fields!.Value.Number(name, min, max) : otherwise;

    private bool Has(string name) =>
        _fields is { } fields && fields.Has(name) && !fields.IsUnset(name);
}
