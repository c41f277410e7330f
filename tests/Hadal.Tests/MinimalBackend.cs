using System.Runtime.InteropServices;

namespace Hadal.Tests;

/// <summary>
/// Names one of the native tests' backends to the library, until its disposal; it has one operation and 512 KiB of free
/// memory. The environment is the process's: use it where no other test runs.
/// </summary>
internal sealed partial class MinimalBackend : IDisposable
{
    private static readonly string Folder = Path.Combine(
        Paths.Root,
        "out/release/tests/native/minimal_backend"
    );

    private readonly Dictionary<string, string?> _before = [];

    /// <param name="name">"minimal", or "older", which tells nothing of what it can do.</param>
    public MinimalBackend(string name)
    {
        string library = Path.Combine(Folder, $"libhadal-{name}.so");
        Assert.SkipUnless(File.Exists(library), $"the native tests are not built: no {library}");
        Set("HADAL_BACKEND", name);
        Set("HADAL_BACKEND_PATH", Folder);
    }

    public void Dispose()
    {
        foreach ((string variable, string? value) in _before)
            Put(variable, value);
    }

    private void Set(string variable, string value)
    {
        _before.Add(variable, Environment.GetEnvironmentVariable(variable));
        Put(variable, value);
    }

    // .NET's environment is a copy, which the native library doesn't see.
    private static void Put(string variable, string? value)
    {
        Environment.SetEnvironmentVariable(variable, value);
        int status = value is null ? UnsetEnv(variable) : SetEnv(variable, value, 1);
        Assert.Equal(0, status);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetEnv(string name);
}
