namespace Hadal.Grammars;

/// <summary>What an <see cref="Edge"/> takes.</summary>
internal enum EdgeKind : byte
{
    /// <summary>Nothing.</summary>
    Epsilon,

    /// <summary>A byte from <see cref="Edge.First"/> to <see cref="Edge.Last"/>.</summary>
    Bytes,

    /// <summary>The token of the mark <see cref="Edge.Data"/>.</summary>
    Mark,

    /// <summary>The byte <see cref="Edge.First"/>, which begins a text of the rule <see cref="Edge.Data"/>, and all of that text.</summary>
    Call,

    /// <summary>The byte <see cref="Edge.First"/>, which ends a text of the rule <see cref="Edge.Data"/>.</summary>
    Close,

    /// <summary>The end of the whole text.</summary>
    Accept,
}

/// <summary>An edge of a <see cref="ByteAutomaton"/>.</summary>
/// <param name="Kind">What it takes.</param>
/// <param name="First">The first byte.</param>
/// <param name="Last">The last byte.</param>
/// <param name="Data">
/// A rule, or a mark; of bytes the mark that they spell, an edge only where the vocabulary has no token for it, or −1.
/// </param>
/// <param name="Target">The state after it; −1 where there is none.</param>
internal readonly record struct Edge(EdgeKind Kind, byte First, byte Last, int Data, int Target);
