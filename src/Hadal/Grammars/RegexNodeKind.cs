namespace Hadal.Grammars;

/// <summary>The kinds of parts of a regular expression.</summary>
internal enum RegexNodeKind
{
    /// <summary>The empty text.</summary>
    Empty,

    /// <summary>One character of a set.</summary>
    Set,

    /// <summary>The beginning of the text.</summary>
    Begin,

    /// <summary>The end of the text.</summary>
    End,

    /// <summary>One item after the other.</summary>
    Sequence,

    /// <summary>One of several.</summary>
    Alternatives,

    /// <summary>A number of repetitions.</summary>
    Repeat,
}
