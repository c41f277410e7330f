namespace Hadal.Checkpoints;

/// <summary>Looks at a file before it is opened.</summary>
internal static class RegularFile
{
    /// <summary>Whether there is a file at a path, or at the end of its links, and it has content.</summary>
    public static bool HasContent(string path) =>
        File.Exists(path) && new FileInfo(Target(path)).Length > 0;

    /// <summary>
    /// Refuses what is no regular file with content. To open a pipe would wait for a writer, and a device never ends; both
    /// have the length 0, as sockets have.
    /// </summary>
    /// <exception cref="CheckpointException">It is none, or is not there.</exception>
    public static void Require(string path)
    {
        try
        {
            string target = Target(path);
            if (Directory.Exists(target))
                throw new CheckpointException(
                    $"{path}: can't be read: is a folder, must be a file"
                );
            if (new FileInfo(target).Length == 0)
                throw new CheckpointException(
                    $"{path}: is empty, or is a pipe, a socket or a device; must be a regular file with content"
                );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: can't be read: {e.Message}", e);
        }
    }

    private static string Target(string path) =>
        File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
}
