namespace Hadal.PackageTests;

/// <summary>A folder outside the checkout, gone with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hadal-packages-").FullName;

    public string File(params ReadOnlySpan<string> parts) =>
        System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
