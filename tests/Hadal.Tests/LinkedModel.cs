namespace Hadal.Tests;

/// <summary>A folder with links to the files of the embedded model, in which some are replaced.</summary>
internal sealed class LinkedModel : IDisposable
{
    public LinkedModel()
    {
        foreach (string file in Directory.GetFiles(Paths.EmbeddedModel))
            File.CreateSymbolicLink(At(System.IO.Path.GetFileName(file)), file);
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("hadal-model").FullName;

    public void Write(string name, string content)
    {
        File.Delete(At(name));
        File.WriteAllText(At(name), content);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private string At(string name) => System.IO.Path.Combine(Path, name);
}
