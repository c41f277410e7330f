namespace Hadal.Cli.Posix;

/// <summary>Which file a path leads to.</summary>
internal static class FileIdentity
{
    /// <summary>Whether two paths lead to one file, by links of any kind. One that leads to none is no other's.</summary>
    public static bool AreSame(string first, string second)
    {
        if (!OperatingSystem.IsLinux())
            return string.Equals(
                Path.GetFullPath(first),
                Path.GetFullPath(second),
                StringComparison.OrdinalIgnoreCase
            );
        return TryStat(first, out FileStatus one)
            && TryStat(second, out FileStatus other)
            && one.Identity == other.Identity;
    }

    /// <summary>Whether a file at the path would be a plain one: it is, or there is none.</summary>
    public static bool IsRegularOrMissing(string path) =>
        !OperatingSystem.IsLinux() || !TryStat(path, out FileStatus status) || status.IsRegular;

    private static bool TryStat(string path, out FileStatus status) =>
        Libc.Stat(Libc.CurrentFolder, path, 0, Libc.BasicStats, out status) == 0;
}
