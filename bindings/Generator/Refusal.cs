namespace Hadal.Bindings.Generator;

/// <summary>A declaration that the rules of the C ABI forbid, or that the header's parser rejects.</summary>
/// <param name="line">Line of the header, counted from 1.</param>
/// <param name="message">What was declared, and what it must be.</param>
internal sealed class Refusal(int line, string message) : Exception(message)
{
    public int Line { get; } = line;
}
