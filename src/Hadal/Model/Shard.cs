namespace Hadal.Model;

/// <summary>One of the parts that the output rows of linears are dealt out in.</summary>
/// <param name="Index">Which part, from 0.</param>
/// <param name="Count">Parts, at least 1.</param>
internal readonly record struct Shard(int Index, int Count)
{
    /// <summary>All of a weight.</summary>
    public static Shard Whole => new(0, 1);

    /// <summary>The rows of this part: whole groups, of which the first parts have one more where they don't come out even.</summary>
    /// <param name="rows">Rows of the weight.</param>
    /// <param name="group">Rows that stay together, such as those of some heads; the last group may have fewer.</param>
    /// <returns>The first row and how many there are, maybe none.</returns>
    public (int First, int Count) RowsOf(int rows, int group)
    {
        (int each, int more) = Math.DivRem((rows + group - 1) / group, Count);
        int first = Math.Min((Index * each + Math.Min(Index, more)) * group, rows);
        int count = (each + (Index < more ? 1 : 0)) * group;
        return (first, Math.Min(count, rows - first));
    }
}
