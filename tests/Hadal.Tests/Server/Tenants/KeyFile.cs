namespace Hadal.Tests.Server.Tenants;

/// <summary>A file of keys that lives as long as a test.</summary>
internal sealed class KeyFile : IDisposable
{
    /// <param name="json">What it holds; null for no file at all.</param>
    public KeyFile(string? json)
    {
        if (json is not null)
            File.WriteAllText(Path, json);
    }

    public string Path { get; } =
        System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"keys-{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(Path);
}
