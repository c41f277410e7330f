using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Hadal.Bindings;

/// <summary>Where libhadal may lie.</summary>
internal static class NativeLibraryPlaces
{
    /// <summary>The assembly that wants the library.</summary>
    public static Assembly Bindings { get; } = typeof(NativeLibraryPlaces).Assembly;

    private static string? FileOfEnvironment =>
        Environment.GetEnvironmentVariable("HADAL_LIBRARY") is { Length: > 0 } file ? file : null;

    /// <summary>The load context to ask first: a plugin's. A program's own has no answer, and a named file goes before.</summary>
    public static AssemblyLoadContext? Plugin =>
        FileOfEnvironment is null
        && AssemblyLoadContext.GetLoadContext(Bindings) is { } context
        && context != AssemblyLoadContext.Default
            ? context
            : null;

    /// <summary>Asks a load context alone.</summary>
    /// <remarks>NativeLibrary.Load asks it too, but then looks into the program's folders, where another's may lie.</remarks>
    /// <returns>A handle, or 0 where the context has none to give.</returns>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "LoadUnmanagedDll")]
    public static extern nint Ask(AssemblyLoadContext context, string name);

    /// <summary>What to load, in this order: files, and at the end the library's bare name.</summary>
    public static IEnumerable<string> Candidates(string name)
    {
        if (FileOfEnvironment is { } file)
        {
            yield return file;
            yield break;
        }
        var library =
            OperatingSystem.IsWindows() ? "hadal.dll"
            : OperatingSystem.IsMacOS() ? "libhadal.dylib"
            : "libhadal.so";
        var system =
            OperatingSystem.IsWindows() ? "win"
            : OperatingSystem.IsMacOS() ? "osx"
            : "linux";
        var architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        foreach (var folder in Folders())
        {
            yield return Path.Combine(folder, library);
            yield return Path.Combine(
                folder,
                "runtimes",
                $"{system}-{architecture}",
                "native",
                library
            );
        }
        if (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") is string folders)
        {
            foreach (
                var folder in folders.Split(
                    Path.PathSeparator,
                    StringSplitOptions.RemoveEmptyEntries
                )
            )
            {
                yield return Path.Combine(folder, library);
            }
        }
        yield return name;
    }

    [UnconditionalSuppressMessage(
        "SingleFile",
        "IL3000",
        Justification = "An assembly without a file of its own lies in the program's folder."
    )]
    private static IEnumerable<string> Folders()
    {
        var own = Path.GetDirectoryName(Bindings.Location);
        if (!string.IsNullOrEmpty(own))
        {
            yield return own;
        }
        if (own != Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))
        {
            yield return AppContext.BaseDirectory;
        }
    }
}
