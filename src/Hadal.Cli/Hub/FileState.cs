namespace Hadal.Cli.Hub;

/// <summary>What is where a file goes.</summary>
internal enum FileState
{
    /// <summary>Nothing.</summary>
    Missing,

    /// <summary>Another file, or another revision of it.</summary>
    Other,

    /// <summary>The file.</summary>
    Whole,
}
