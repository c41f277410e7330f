namespace Hadal.Chat;

/// <summary>The marks that divide an answer.</summary>
internal enum ChatMark
{
    /// <summary>The thought ends.</summary>
    ThoughtEnd,

    /// <summary>A section of calls begins.</summary>
    SectionBegin,

    /// <summary>A section of calls ends.</summary>
    SectionEnd,

    /// <summary>A call begins. In V3.2 the attributes follow, with the name; in V3.1 the name.</summary>
    CallBegin,

    /// <summary>V3.1: the name ends and the arguments begin.</summary>
    NameEnd,

    /// <summary>A call ends.</summary>
    CallEnd,

    /// <summary>V3.2: a parameter begins; its attributes follow.</summary>
    ParameterBegin,

    /// <summary>V3.2: a parameter ends.</summary>
    ParameterEnd,
}
