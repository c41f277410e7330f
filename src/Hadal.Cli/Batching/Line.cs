namespace Hadal.Cli.Batching;

/// <summary>A line of a file.</summary>
/// <param name="Content">Without its end; null where it is longer than may be.</param>
/// <param name="Bytes">Its bytes in the file, with its end.</param>
/// <param name="IsEnded">Whether a line feed ends it; only the last line of a file may lack one.</param>
internal readonly record struct Line(byte[]? Content, long Bytes, bool IsEnded);
