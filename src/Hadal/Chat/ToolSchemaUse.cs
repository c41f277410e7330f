namespace Hadal.Chat;

/// <summary>How the calls of a tool keep to its schema.</summary>
internal enum ToolSchemaUse
{
    /// <summary>They satisfy it; one that can't be kept to is refused.</summary>
    Kept,

    /// <summary>They satisfy it where it can be kept to; else they are any objects.</summary>
    KeptWherePossible,

    /// <summary>The model is told of it, and that is all.</summary>
    Told,
}
