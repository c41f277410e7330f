namespace Hadal.Checkpoints;

/// <summary>Tells what downloads leave in the place of a file.</summary>
internal static class StandIn
{
    /// <summary>Refuses a Git LFS pointer and a web page; to be asked of content that can't be the file's own.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Its first bytes.</param>
    public static void Refuse(string path, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8))
            throw new CheckpointException(
                $"{path}: is a Git LFS pointer, not the file that it points to: run 'git lfs pull' in the folder, or download the file from the hub"
            );
        if (start.TrimStart("\uFEFF \t\r\n"u8).StartsWith("<"u8))
            throw new CheckpointException(
                $"{path}: is a web page (HTML or XML), not the file: download it again, signed in where the model asks for it"
            );
    }
}
