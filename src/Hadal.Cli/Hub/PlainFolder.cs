using System.Security.Cryptography;

namespace Hadal.Cli.Hub;

/// <summary>A folder with the files under their own paths.</summary>
internal sealed class PlainFolder(string folder) : PullTarget
{
    public override string Folder { get; } = Path.GetFullPath(folder);

    public override string Place(HubFile file) => Path.Combine([Folder, .. file.Path.Split('/')]);

    /// <summary>Reads what is there: a file's name and size don't tell its content.</summary>
    public override async Task<FileState> StateAsync(
        HubFile file,
        Action<double> report,
        CancellationToken cancellationToken
    )
    {
        var info = new FileInfo(Place(file));
        if (!info.Exists)
            return FileState.Missing;
        if (info.Length != file.Size)
            return FileState.Other;
        using IncrementalHash hash = file.Digest.Begin(file.Size);
        FileStream stream = info.OpenRead();
        await using (stream.ConfigureAwait(false))
            await PartFile.HashAsync(stream, hash, cancellationToken, report).ConfigureAwait(false);
        return file.Digest.Matches(hash) ? FileState.Whole : FileState.Other;
    }

    public override void Add(HubFile file) { }

    public override void Finish() { }
}
