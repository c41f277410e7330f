namespace Hadal.Chat;

/// <summary>What the next text of an answer belongs to.</summary>
internal enum ChatParserState
{
    /// <summary>The thought.</summary>
    Reasoning,

    /// <summary>The content, outside a section of calls.</summary>
    Content,

    /// <summary>A section of calls, outside a call.</summary>
    Section,

    /// <summary>V3.1: the name of a call.</summary>
    Name,

    /// <summary>V3.1: the arguments of a call.</summary>
    Arguments,

    /// <summary>V3.2: a call, outside a parameter.</summary>
    Call,

    /// <summary>V3.2: the value of a parameter.</summary>
    Value,
}
