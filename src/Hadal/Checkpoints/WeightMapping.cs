namespace Hadal.Checkpoints;

/// <summary>How the bytes of a checkpoint's files come into memory.</summary>
public enum WeightMapping
{
    /// <summary>
    /// The files are mapped: opening reads their headers alone, and pages come from the disk as they are used. A process
    /// does not survive a mapped file that another one makes shorter: the system ends it at the next access to the lost part
    /// (SIGBUS on Linux). Where files may change in use, take <see cref="InMemory"/>.
    /// </summary>
    Mapped,

    /// <summary>
    /// The files are read as a whole on opening, into memory of their size. What happens to them afterwards does not matter.
    /// </summary>
    InMemory,
}
