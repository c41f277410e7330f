using System.Collections.Immutable;
using Hadal.Checkpoints;

namespace Hadal.Cli.Gguf;

/// <summary>Reads a row of a tensor: its innermost dimension.</summary>
internal delegate void RowReader(long row, Span<float> values);

/// <summary>A tensor of a GGUF file, and where its values come from.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Type">How its values are stored.</param>
/// <param name="Dimensions">Innermost first, as the format has them.</param>
/// <param name="Open">Finds the values in a checkpoint, which must stay open while rows are read.</param>
internal sealed record GgufTensor(
    string Name,
    GgufType Type,
    ImmutableArray<long> Dimensions,
    Func<Checkpoint, RowReader> Open
)
{
    /// <summary>Elements of a row.</summary>
    public int RowLength => (int)Dimensions[0];

    /// <summary>Rows, over all outer dimensions.</summary>
    public long Rows => Dimensions.Skip(1).Aggregate(1L, static (rows, size) => rows * size);

    /// <summary>Bytes of a stored row.</summary>
    public int RowBytes =>
        Type == GgufType.F32 ? RowLength * sizeof(float) : Q8Blocks.ByteLength(RowLength);

    /// <summary>Bytes of its data.</summary>
    public long ByteLength => Rows * RowBytes;
}
