using System.Runtime.InteropServices;
using System.Text;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

/// <summary>Where the library is found, by plugins: each has a resolver that has found nothing yet.</summary>
public sealed class NativeLibraryResolverTests : IDisposable
{
    private static readonly string Library = Path.Combine(AppContext.BaseDirectory, "libhadal.so");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hadal-plugin-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void APluginsContextAnswersFirst()
    {
        string answer = Copy("another-name.so");
        Copy("libhadal.so");
        var plugin = new PluginContext(_folder.FullName, answer);
        Assert.Null(plugin.Install());
        Assert.Equal([NativeMethods.LibraryName], plugin.Asked);
        Assert.Equal([answer], Mapped());
    }

    [Fact]
    public void ALibraryBesideTheBindingsGoesBeforeTheProgramsOwn()
    {
        string beside = Copy("libhadal.so");
        var plugin = new PluginContext(_folder.FullName);
        Assert.Null(plugin.Install());
        Assert.Equal([beside], Mapped());
    }

    [Fact]
    public void ALibraryInTheRuntimesFolderOfTheBindingsIsFound()
    {
        string architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        string file = Copy("runtimes", $"linux-{architecture}", "native", "libhadal.so");
        var plugin = new PluginContext(_folder.FullName);
        Assert.Null(plugin.Install());
        Assert.Equal([file], Mapped());
    }

    [Fact]
    public void APluginWithoutALibraryTakesTheProgramsOwn()
    {
        var plugin = new PluginContext(_folder.FullName);
        Assert.Null(plugin.Install());
        Assert.Equal([NativeMethods.LibraryName], plugin.Asked);
        Assert.Empty(Mapped());
    }

    [Fact]
    public void ALibraryOfAnotherHeaderIsRefusedEachTime()
    {
        string other = new('0', NativeMethods.HeaderSha256.Length);
        string file = Copy("libhadal.so");
        byte[] bytes = File.ReadAllBytes(file);
        int at = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(NativeMethods.HeaderSha256));
        Assert.True(at >= 0, "The library does not hold its header's hash.");
        Encoding.ASCII.GetBytes(other).CopyTo(bytes, at);
        File.WriteAllBytes(file, bytes);
        var plugin = new PluginContext(_folder.FullName);
        string? error = plugin.Install();
        Assert.Contains($"of SHA-256 {other}", error, StringComparison.Ordinal);
        Assert.Contains(NativeMethods.HeaderSha256, error, StringComparison.Ordinal);
        Assert.Equal(error, plugin.Install());
    }

    [Fact]
    public void ALibraryThatIsNotOursIsRefusedEachTime()
    {
        string foreign = Path.Combine(
            RuntimeEnvironment.GetRuntimeDirectory(),
            "libSystem.Native.so"
        );
        var plugin = new PluginContext(_folder.FullName, foreign);
        string? error = plugin.Install();
        Assert.Contains("hd_get_build_info", error, StringComparison.Ordinal);
        Assert.Equal(error, plugin.Install());
    }

    private string Copy(params ReadOnlySpan<string> parts)
    {
        string file = Path.Combine([_folder.FullName, .. parts]);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.Copy(Library, file);
        return file;
    }

    // The libraries of this test's folder that the process has loaded.
    private string[] Mapped() =>
        [
            .. File.ReadLines("/proc/self/maps")
                .Where(line => line.Contains(_folder.FullName, StringComparison.Ordinal))
                .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..])
                .Where(path => !path.EndsWith(".dll", StringComparison.Ordinal))
                .Distinct(),
        ];
}
