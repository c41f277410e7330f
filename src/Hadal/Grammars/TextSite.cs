namespace Hadal.Grammars;

/// <summary>
/// A place where characters come that an automaton describes: the content of a JSON string, after which the quote comes, or
/// plain text.
/// </summary>
/// <param name="Characters">The characters. With bounds, all its states accept, and lead on with some character.</param>
/// <param name="Code">How they are written.</param>
/// <param name="Min">The fewest characters.</param>
/// <param name="Max">The most; −1 for no bound.</param>
/// <param name="After">The state after them.</param>
internal sealed record TextSite(
    CharAutomaton Characters,
    CharCode Code,
    int Min,
    int Max,
    int After
)
{
    /// <summary>Whether its characters are counted.</summary>
    public bool IsCounted => Min > 0 || Max >= 0;
}
