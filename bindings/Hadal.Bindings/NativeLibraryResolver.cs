using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;

namespace Hadal.Bindings;

/// <summary>
/// Finds libhadal. The caller's own hook is asked first; then the file counts that the environment variable
/// HADAL_LIBRARY names, alone; then a plugin's <see cref="AssemblyLoadContext"/>, and the places where a package or a build
/// puts the library: beside this assembly, beside the program, and where the runtime and the system look. A failure lists
/// every path tried, with the loader's own words. Thread-safe.
/// </summary>
public static unsafe class NativeLibraryResolver
{
    private static readonly Lock Gate = new();
    private static bool s_hangs;
    private static bool s_fits;
    private static nint s_library;

    /// <summary>
    /// Asked before anything else, with the library's name ("hadal"); returns a handle of NativeLibrary.Load, or 0 to go
    /// on. Set it before the first use of the library.
    /// </summary>
    public static Func<string, nint>? Hook { get; set; }

    /// <summary>
    /// Hangs the resolver into the runtime, once, and checks that library and bindings fit, until they do: each call after
    /// a failure fails too, or finds a library that has come since.
    /// </summary>
    /// <exception cref="NativeLibraryException">The library cannot be had, or was not built with these bindings.</exception>
    public static void Install()
    {
        lock (Gate)
        {
            if (s_fits)
            {
                return;
            }
            if (!s_hangs)
            {
                NativeLibrary.SetDllImportResolver(NativeLibraryPlaces.Bindings, Resolve);
                s_hangs = true;
            }
            CheckVersion();
            s_fits = true;
        }
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
        if (NativeLibraryPlaces.Plugin is { } plugin)
        {
            if (NativeLibraryPlaces.Ask(plugin, name) is var given && given != 0)
            {
                return given;
            }
            tried.Append("\n  ").Append(plugin).Append(": gave none");
        }
        foreach (var candidate in NativeLibraryPlaces.Candidates(name))
        {
            try
            {
                // By its name alone the runtime and the system look for it, and events of load contexts are asked.
                return candidate == name
                    ? NativeLibrary.Load(name, NativeLibraryPlaces.Bindings, null)
                    : NativeLibrary.Load(candidate);
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

    private static void CheckVersion()
    {
        var info = new hd_build_info { struct_size = (uint)sizeof(hd_build_info) };
        try
        {
            NativeStatus.ThrowIfFailed(NativeMethods.hd_get_build_info(&info));
        }
        catch (EntryPointNotFoundException e)
        {
            throw new NativeLibraryException(
                $"The library that was found is not Hadal's: {e.Message}"
            );
        }
        Check(info);
    }

    /// <summary>Refuses a library that these bindings were not built with.</summary>
    internal static void Check(in hd_build_info info)
    {
        fixed (hd_build_info* library = &info)
        {
            var version = Marshal.PtrToStringUTF8((nint)library->version);
            var commit = Marshal.PtrToStringUTF8((nint)library->commit);
            if (info.abi_version != NativeMethods.HD_ABI_VERSION || version != Version)
            {
                throw new NativeLibraryException(
                    $"The native library is version {version} (commit {commit}, "
                        + $"ABI {info.abi_version}); these bindings are version {Version} (ABI {NativeMethods.HD_ABI_VERSION}). "
                        + "Use packages of one version."
                );
            }
            var header = Marshal.PtrToStringUTF8((nint)library->header_sha256);
            if (header != NativeMethods.HeaderSha256)
            {
                throw new NativeLibraryException(
                    $"The native library (version {version}, commit {commit}) was built with another hadal.h, of SHA-256 "
                        + $"{header}; that of these bindings is {NativeMethods.HeaderSha256}. Use packages of one build, "
                        + "or build both from one checkout."
                );
            }
        }
    }

    /// <summary>Version of these bindings, which the library must share.</summary>
    internal static string Version { get; } =
        NativeLibraryPlaces
            .Bindings.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];
}
