namespace Hadal.Checkpoints;

/// <summary>How far the opening of a checkpoint has come.</summary>
/// <param name="File">The file just opened.</param>
/// <param name="Opened">Files opened so far.</param>
/// <param name="Total">Files to open.</param>
public readonly record struct CheckpointProgress(string File, int Opened, int Total);
