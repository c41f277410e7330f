using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

/// <summary>A plugin that brings its own bindings: a copy of the assembly, alone in a folder, in a context of its own.</summary>
/// <param name="folder">Where the copy goes.</param>
/// <param name="answer">File that the context gives for a native library; null where it gives none.</param>
internal sealed class PluginContext(string folder, string? answer = null)
    : AssemblyLoadContext(nameof(PluginContext))
{
    /// <summary>Names of the native libraries that the context was asked for.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>Calls the plugin's own <see cref="NativeLibraryResolver.Install"/>.</summary>
    /// <returns>The message of its NativeLibraryException; null where it succeeded.</returns>
    public string? Install()
    {
        string copy = Path.Combine(folder, "Hadal.Bindings.dll");
        File.Copy(typeof(NativeLibraryResolver).Assembly.Location, copy, overwrite: true);
        Type resolver = LoadFromAssemblyPath(copy)
            .GetType(typeof(NativeLibraryResolver).FullName!)!;
        Assert.NotSame(typeof(NativeLibraryResolver), resolver);
        try
        {
            resolver.GetMethod(nameof(NativeLibraryResolver.Install))!.Invoke(null, null);
            return null;
        }
        catch (TargetInvocationException e)
            when (e.InnerException!.GetType().FullName == typeof(NativeLibraryException).FullName)
        {
            return e.InnerException.Message;
        }
    }

    protected override Assembly? Load(AssemblyName assemblyName) => null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        Asked.Add(unmanagedDllName);
        return answer is null ? 0 : NativeLibrary.Load(answer);
    }
}
