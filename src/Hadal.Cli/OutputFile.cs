using Hadal.Checkpoints;
using Hadal.Cli.Posix;

namespace Hadal.Cli;

/// <summary>
/// A file that a command writes for the user: beside its place under a name of its own, and moved there when it is whole.
/// A file of the model that is read meanwhile is not replaced.
/// </summary>
internal sealed class OutputFile
{
    private readonly string _path;

    /// <param name="option">The option that names it, for errors.</param>
    /// <param name="file">What the option says.</param>
    /// <param name="checkpoint">The model that is read.</param>
    /// <exception cref="UsageException">It is the model's, a folder, or a device.</exception>
    /// <exception cref="DirectoryNotFoundException">It would lie in no folder.</exception>
    public OutputFile(string option, FileInfo file, Checkpoint checkpoint)
    {
        // What a link leads to is replaced, not the link.
        Path = file.FullName;
        _path = file.LinkTarget is null
            ? file.FullName
            : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        if (Directory.Exists(_path) || !FileIdentity.IsRegularOrMissing(_path))
            throw new UsageException($"{option}: {file.FullName} is no plain file");
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(_path)))
            throw new DirectoryNotFoundException(
                $"{option}: there is no folder for {file.FullName}"
            );
        IEnumerable<string> files = checkpoint
            .Files.Select(f => f.Path)
            .Concat(Directory.EnumerateFiles(checkpoint.Folder, "*.json"));
        if (files.Any(other => FileIdentity.AreSame(_path, other)))
            throw new UsageException(
                $"{option}: {file.FullName} is a file of the model; nothing is written over it"
            );
    }

    /// <summary>Where it is to lie, as the option says.</summary>
    public string Path { get; }

    /// <param name="write">Writes a file at the path that it is given.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Write(Action<string> write)
    {
        string draft = $"{_path}.{System.IO.Path.GetRandomFileName()}";
        try
        {
            write(draft);
            if (!OperatingSystem.IsWindows() && File.Exists(_path))
                File.SetUnixFileMode(draft, File.GetUnixFileMode(_path));
            File.Move(draft, _path, overwrite: true);
        }
        catch
        {
            File.Delete(draft);
            throw;
        }
    }

    /// <summary>Whether both would be written to one place.</summary>
    public bool IsSameAs(OutputFile other) =>
        _path == other._path || FileIdentity.AreSame(_path, other._path);
}
