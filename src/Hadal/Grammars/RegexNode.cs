namespace Hadal.Grammars;

/// <summary>A part of a regular expression.</summary>
/// <param name="kind">What it is.</param>
internal sealed class RegexNode(RegexNodeKind kind)
{
    public RegexNodeKind Kind => kind;

    /// <summary>The number of the set of characters.</summary>
    public int Set { get; init; }

    /// <summary>What is repeated, the first alternative, or the last item of a sequence.</summary>
    public RegexNode? Child { get; set; }

    /// <summary>The next alternative, or the item of a sequence before this one.</summary>
    public RegexNode? Sibling { get; set; }

    public int Min { get; init; }

    /// <summary>Null for no limit.</summary>
    public int? Max { get; init; }
}
