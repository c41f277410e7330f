namespace Hadal.Model;

/// <summary>Rows of a step, side by side, whose attention is computed in one form.</summary>
/// <param name="first">The first row.</param>
/// <param name="count">Rows.</param>
/// <param name="keys">Expanded form: the tokens of the rows' one sequence. 0: absorbed form, of any sequences.</param>
/// <param name="keySlots">Expanded form: i32 [keys] on the device, where those tokens lie in the cache.</param>
internal readonly unsafe struct RowRun(int first, int count, int keys, int* keySlots)
{
    public int First { get; } = first;
    public int Count { get; } = count;
    public int Keys { get; } = keys;
    public int* KeySlots { get; } = keySlots;
}
