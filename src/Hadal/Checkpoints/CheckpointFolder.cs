using System.Text;

namespace Hadal.Checkpoints;

/// <summary>Finds a checkpoint's files in its folder, and says what is wrong with a folder that has not all of them.</summary>
internal static class CheckpointFolder
{
    public const string ConfigName = "config.json";
    public const string SingleFileName = "model.safetensors";

    private const int MaxConfigLength = 1 << 20;

    /// <summary>The <c>config.json</c>.</summary>
    /// <exception cref="CheckpointException">It is not there or can't be read.</exception>
    public static byte[] ReadConfig(string folder)
    {
        string path = Path.Combine(folder, ConfigName);
        if (!Directory.Exists(folder))
            throw new CheckpointException($"{folder}: there is no such folder");
        if (!File.Exists(path) && SnapshotOf(folder) is { } snapshot)
            throw new CheckpointException(
                $"{folder}: is the root of a download cache, not a checkpoint; open its snapshot {snapshot}"
            );
        return SmallFile.Read(path, MaxConfigLength);
    }

    /// <summary>The names of the files of weights, and where an index tells of them, which file holds which tensor.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="needs">Which tensors are needed; null for all.</param>
    /// <param name="notes">Is told what was passed over.</param>
    /// <exception cref="CheckpointException">Files are missing, or the index is broken.</exception>
    public static (string[] Names, Dictionary<string, string>? Index) FindWeights(
        string folder,
        Predicate<string>? needs,
        List<string> notes
    )
    {
        bool single = File.Exists(Path.Combine(folder, SingleFileName));
        if (!File.Exists(Path.Combine(folder, CheckpointIndex.FileName)))
            return single ? ([SingleFileName], null) : throw NoIndex(folder);
        Dictionary<string, string> index = CheckpointIndex.Read(folder);
        string[] names =
        [
            .. index
                .Where(entry => needs is null || needs(entry.Key))
                .Select(static entry => entry.Value)
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        var missing = new ProblemList();
        foreach (string name in names)
        {
            if (!File.Exists(Path.Combine(folder, name)))
                missing.Add(name);
        }
        if (single && (missing.Count > 0 || names.Length == 0))
        {
            notes.Add(
                $"{CheckpointIndex.FileName} is passed over, as files that it names are missing; {SingleFileName} is read instead"
            );
            return ([SingleFileName], null);
        }
        if (missing.Count > 0)
            throw new CheckpointException(
                $"{folder}: {missing.Count} of {names.Length} files of weights are missing; download them too",
                missing
            );
        if (single && !names.Contains(SingleFileName))
            notes.Add(
                $"{SingleFileName} is passed over: {CheckpointIndex.FileName} does not name it, and all files that it names are there"
            );
        return (names, index);
    }

    private static CheckpointException NoIndex(string folder)
    {
        int shards = Directory.EnumerateFiles(folder, "*.safetensors").Count();
        return new CheckpointException(
            shards == 0
                ? $"{folder}: has neither {SingleFileName} nor {CheckpointIndex.FileName}"
                : $"{folder}: has {shards} .safetensors files, but neither {CheckpointIndex.FileName} nor {SingleFileName}; download the index too"
        );
    }

    /// <summary>
    /// The snapshot to open in the root of a hub's cache, <c>models--owner--name</c>: the one that its main branch is at,
    /// else any. Null where the folder is no such root.
    /// </summary>
    private static string? SnapshotOf(string folder)
    {
        string snapshots = Path.Combine(folder, "snapshots");
        if (!Directory.Exists(snapshots))
            return null;
        string main = Path.Combine(folder, "refs", "main");
        if (File.Exists(main))
        {
            string id = Encoding.UTF8.GetString(SmallFile.Read(main, 256)).Trim();
            string snapshot = Path.Combine(snapshots, Path.GetFileName(id));
            if (File.Exists(Path.Combine(snapshot, ConfigName)))
                return snapshot;
        }
        return Directory
            .EnumerateDirectories(snapshots)
            .FirstOrDefault(static path => File.Exists(Path.Combine(path, ConfigName)));
    }
}
