namespace Hadal.Model;

/// <summary>
/// The logits of a step, f32 [<see cref="Count"/>, <see cref="VocabularySize"/>], in the order of the batch. The memory is the
/// batch's: valid until its next step.
/// </summary>
public readonly ref struct Logits
{
    private readonly ReadOnlySpan<float> _values;

    internal Logits(ReadOnlySpan<float> values, int vocabularySize)
    {
        _values = values;
        VocabularySize = vocabularySize;
    }

    /// <summary>Rows.</summary>
    public int Count => VocabularySize == 0 ? 0 : _values.Length / VocabularySize;

    /// <summary>Columns: one a token id.</summary>
    public int VocabularySize { get; }

    /// <summary>The logits of a row, [vocabulary].</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public ReadOnlySpan<float> this[int row] =>
        (uint)row < (uint)Count
            ? _values.Slice(row * VocabularySize, VocabularySize)
            : throw new ArgumentOutOfRangeException(
                nameof(row),
                row,
                $"must be less than the rows, {Count}"
            );
}
