using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>Where the tokens of a step's sequences lie in the cache; all arrays are in a device's memory.</summary>
internal readonly unsafe struct Paging(
    int sequences,
    int maxPages,
    int* blockTable,
    int* rowSequence,
    int* visible
)
{
    public int Sequences { get; } = sequences;

    /// <summary>The same for the tokens from one on.</summary>
    public Paging From(int token) =>
        new(Sequences, MaxPages, BlockTable, RowSequence + token, Visible + token);

    /// <summary>Columns of the block table.</summary>
    public int MaxPages { get; } = maxPages;

    /// <summary>Tokens that any of the sequences has at the most.</summary>
    public long MaxTokens => (long)MaxPages * NativeMethods.HD_PAGE_TOKENS;

    /// <summary>i32 [sequences, max pages]: each sequence's pages, in order.</summary>
    public int* BlockTable { get; } = blockTable;

    /// <summary>i32 [tokens]: the row of the block table of each token's sequence.</summary>
    public int* RowSequence { get; } = rowSequence;

    /// <summary>i32 [tokens]: how many tokens of its sequence each token sees, itself included.</summary>
    public int* Visible { get; } = visible;
}
