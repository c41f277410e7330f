using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace Hadal.Bindings;

/// <summary>
/// Finds libhadal: the caller's own hook first, then the file that the environment variable HADAL_LIBRARY names, then the
/// places where a package or a build puts it. A failure lists every path tried, with the loader's own words. Thread-safe.
/// </summary>
public static unsafe class NativeLibraryResolver
{
    private static readonly Lock Gate = new();
    private static bool s_installed;
    private static nint s_library;

    /// <summary>
    /// Asked before anything else, with the library's name ("hadal"); returns a handle of NativeLibrary.Load, or 0 to go
    /// on. Set it before the first use of the library.
    /// </summary>
    public static Func<string, nint>? Hook { get; set; }

    /// <summary>Hangs the resolver into the runtime, once, and checks that library and bindings fit.</summary>
    /// <exception cref="NativeLibraryException">The library cannot be had, or is of another version.</exception>
    public static void Install()
    {
        lock (Gate)
        {
            if (s_installed)
            {
                return;
            }
            NativeLibrary.SetDllImportResolver(typeof(NativeMethods).Assembly, Resolve);
            s_installed = true;
        }
        CheckVersion();
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != NativeMethods.LibraryName)
        {
            return 0;
        }
        lock (Gate)
        {
            if (s_library == 0)
            {
                s_library = Load(name);
            }
            return s_library;
        }
    }

    private static nint Load(string name)
    {
        if (Hook?.Invoke(name) is { } hooked && hooked != 0)
        {
            return hooked;
        }
        var tried = new StringBuilder();
        foreach (var candidate in Candidates())
        {
            try
            {
                return NativeLibrary.Load(candidate);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                tried.Append("\n  ").Append(candidate).Append(": ");
                if (ElfHeader.ForeignArchitecture(candidate) is { } foreign)
                {
                    // The loader itself would speak of a file that is not there.
                    tried.Append("is for ").Append(foreign).Append("; this process is ");
                    tried.Append(RuntimeInformation.ProcessArchitecture);
                }
                else
                {
                    tried.Append(e.Message.ReplaceLineEndings(" "));
                }
            }
        }
        throw new NativeLibraryException(
            $"The native library of Hadal could not be loaded. Reference the package Hadal.Runtime.Cpu for "
                + $"{RuntimeInformation.RuntimeIdentifier}, or set HADAL_LIBRARY to the file. Tried:{tried}"
        );
    }

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("HADAL_LIBRARY") is { Length: > 0 } file)
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
        yield return Path.Combine(AppContext.BaseDirectory, library);
        yield return Path.Combine(
            AppContext.BaseDirectory,
            "runtimes",
            $"{system}-{architecture}",
            "native",
            library
        );
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
        yield return library;
    }

    private static void CheckVersion()
    {
        var info = new hd_build_info { struct_size = (uint)sizeof(hd_build_info) };
        NativeStatus.ThrowIfFailed(NativeMethods.hd_get_build_info(&info));
        Check(info);
    }

    /// <summary>Refuses a library that these bindings were not built with.</summary>
    internal static void Check(in hd_build_info info)
    {
        fixed (hd_build_info* library = &info)
        {
            var version = Marshal.PtrToStringUTF8((nint)library->version);
            if (info.abi_version != NativeMethods.HD_ABI_VERSION || version != Version)
            {
                throw new NativeLibraryException(
                    $"The native library is version {version} (commit {Marshal.PtrToStringUTF8((nint)library->commit)}, "
                        + $"ABI {info.abi_version}); these bindings are version {Version} (ABI {NativeMethods.HD_ABI_VERSION}). "
                        + "Use packages of one version."
                );
            }
        }
    }

    /// <summary>Version of these bindings, which the library must share.</summary>
    internal static string Version { get; } =
        typeof(NativeLibraryResolver)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];
}
