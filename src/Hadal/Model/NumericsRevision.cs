namespace Hadal.Model;

/// <summary>
/// Counts the changes of what the CPU's kernels and the model's graph make of the same weights and tokens, bit for bit.
/// Prefixes that were saved under another number are not loaded.
/// </summary>
internal static class NumericsRevision
{
    public const int Current = 2;
}
