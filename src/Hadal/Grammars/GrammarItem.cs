namespace Hadal.Grammars;

/// <summary>One of the places in a <see cref="ByteAutomaton"/> where a text may be, in 64 bits.</summary>
/// <param name="Bits">The state, the place within its text, and the characters that it still must and may have.</param>
internal readonly record struct GrammarItem(ulong Bits) : IComparable<GrammarItem>
{
    /// <summary>What <see cref="ToMax"/> is where there is no bound.</summary>
    public const int Unbounded = 1023;

    /// <summary>The greatest <see cref="Place"/>.</summary>
    public const int MaxPlace = (1 << 24) - 1;

    /// <param name="state">The state.</param>
    /// <param name="place">
    /// In a text the state of its characters times the phases of their code, and the phase; up to a trigger how many of its bytes
    /// have come.
    /// </param>
    /// <param name="toMin">Characters that must come.</param>
    /// <param name="toMax">Characters that may come, or <see cref="Unbounded"/>.</param>
    public GrammarItem(int state, int place = 0, int toMin = 0, int toMax = Unbounded)
        : this(
            ((ulong)(uint)state << 44)
                | ((ulong)(uint)place << 20)
                | ((ulong)(uint)toMin << 10)
                | (uint)toMax
        ) { }

    public int State => (int)(Bits >> 44);

    public int Place => (int)(Bits >> 20) & MaxPlace;

    public int ToMin => (int)(Bits >> 10) & 1023;

    public int ToMax => (int)Bits & 1023;

    public int CompareTo(GrammarItem other) => Bits.CompareTo(other.Bits);
}
