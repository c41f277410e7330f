namespace Hadal.Chat;

/// <summary>What a character makes of a tag.</summary>
internal enum TagStep
{
    /// <summary>The tag goes on.</summary>
    Open,

    /// <summary>The tag is whole.</summary>
    Whole,

    /// <summary>It is no tag, and the character is not part of what it was.</summary>
    NoTag,
}
