namespace Hadal.Cli.Hub;

/// <summary>The room of a disk.</summary>
internal static class DiskSpace
{
    /// <param name="folder">A full path; it need not exist yet.</param>
    /// <returns>Bytes that this user may still write there.</returns>
    public static long Free(string folder)
    {
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent)
            folder = parent;
        return new DriveInfo(folder).AvailableFreeSpace;
    }
}
