namespace Hadal.Cli.Hub;

/// <summary>
/// A repository in the cache of Hugging Face's own tools, which find it there: contents under their checksums in
/// <c>blobs</c>, links to them under their paths in <c>snapshots/COMMIT</c>, and a revision's commit in <c>refs</c>.
/// </summary>
internal sealed class HubCache : PullTarget
{
    private readonly string _root;
    private readonly RepositoryName _name;
    private readonly string _commit;

    public HubCache(string cache, RepositoryName name, string commit)
    {
        _root = Path.Combine(cache, $"models--{name.Owner}--{name.Name}");
        _name = name;
        _commit = commit;
        Folder = Path.Combine(_root, "snapshots", commit);
    }

    public override string Folder { get; }

    public override string Place(HubFile file) => Path.Combine(_root, "blobs", file.Digest.Hex);

    /// <summary>A content gets its name only when its checksum is right.</summary>
    public override Task<FileState> StateAsync(
        HubFile file,
        Action<double> report,
        CancellationToken cancellationToken
    )
    {
        var blob = new FileInfo(Place(file));
        return Task.FromResult(
            !blob.Exists ? FileState.Missing
            : blob.Length == file.Size ? FileState.Whole
            : FileState.Other
        );
    }

    public override void Add(HubFile file)
    {
        string path = Path.Combine([Folder, .. file.Path.Split('/')]);
        string folder = Path.GetDirectoryName(path)!;
        string target = Path.GetRelativePath(folder, Place(file));
        if (new FileInfo(path).LinkTarget == target)
            return;
        Directory.CreateDirectory(folder);
        File.Delete(path);
        try
        {
            File.CreateSymbolicLink(path, target);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"{path}: the cache is made of symbolic links, and this one can't be made ({e.Message}); give a folder to pull into",
                e
            );
        }
    }

    /// <summary>A commit is found by its own name.</summary>
    public override void Finish()
    {
        if (_name.Revision == _commit)
            return;
        string path = Path.Combine([_root, "refs", .. _name.Revision.Split('/')]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string draft = $"{path}.{Path.GetRandomFileName()}";
        File.WriteAllText(draft, _commit);
        File.Move(draft, path, overwrite: true);
    }
}
