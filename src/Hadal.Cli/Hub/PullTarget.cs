namespace Hadal.Cli.Hub;

/// <summary>Where the files of a commit go.</summary>
internal abstract class PullTarget
{
    /// <summary>The folder that is the checkpoint in the end.</summary>
    public abstract string Folder { get; }

    /// <summary>Where the bytes of a file go; files that may share them have the same place.</summary>
    public abstract string Place(HubFile file);

    /// <summary>Tells what is in that place.</summary>
    public abstract Task<FileState> StateAsync(
        HubFile file,
        Action<double> report,
        CancellationToken cancellationToken
    );

    /// <summary>Makes a file part of the folder; its bytes are in their place.</summary>
    public abstract void Add(HubFile file);

    /// <summary>All files are part of the folder.</summary>
    public abstract void Finish();
}
