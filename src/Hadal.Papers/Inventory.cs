using System.Reflection;

namespace Hadal.Papers;

/// <summary>Whose each binary of a package is.</summary>
internal sealed class Inventory
{
    private readonly string _nugetRoot;
    private readonly Dictionary<string, Component> _components = new(StringComparer.Ordinal);

    public Inventory(IEnumerable<Content> contents, string nugetRoot)
    {
        _nugetRoot =
            Path.TrimEndingDirectorySeparator(Path.GetFullPath(nugetRoot))
            + Path.DirectorySeparatorChar;
        Binaries =
        [
            .. contents
                .Where(content => content.IsBinary())
                .OrderBy(content => content.Path, StringComparer.Ordinal),
        ];
        foreach (Content binary in Binaries)
            Add(binary);
    }

    public IReadOnlyList<Content> Binaries { get; }

    /// <summary>What of others is inside, by name.</summary>
    public IEnumerable<Component> Components =>
        _components.Values.OrderBy(component => component.Name, StringComparer.OrdinalIgnoreCase);

    private void Add(Content binary)
    {
        NativeComponent? native = NativeComponent.All.FirstOrDefault(c => c.IsFile(binary.Path));
        if (native is not null)
            Note(native.At(binary.Source), binary);
        else if (binary.Source.StartsWith(_nugetRoot, StringComparison.Ordinal))
            AddPackaged(binary);
        else if (File.Exists(binary.Source + LinkedFiles.Extension))
            AddLinked(binary);
        else if (!IsOwnAssembly(binary.Source))
        {
            throw new PapersException(
                $"{binary.Path} ({binary.Source}) is a binary that no notice names: whose it is must be told in "
                    + "src/Hadal.Papers/components.json"
            );
        }
    }

    private void AddPackaged(Content binary)
    {
        string[] parts = binary.Source[_nugetRoot.Length..].Split(Path.DirectorySeparatorChar);
        Note(NuGetPackage.Read(Path.Combine(_nugetRoot, parts[0], parts[1])), binary);
    }

    private void AddLinked(Content binary)
    {
        foreach (string input in LinkedFiles.Of(binary.Source))
        {
            NativeComponent[] inside =
            [
                .. NativeComponent.All.Where(component => component.IsLinkedFrom(input)),
            ];
            foreach (NativeComponent component in inside)
                Note(component.At(input), binary);
            // Our own objects are those of the build tree, which the linker is told relative to it.
            if (inside.Length == 0 && Path.IsPathRooted(input))
            {
                throw new PapersException(
                    $"{binary.Path} holds code of {input}, which no notice names: whose it is must be told in "
                        + "src/Hadal.Papers/components.json"
                );
            }
        }
    }

    private void Note(Component component, Content binary)
    {
        _components.TryAdd(component.Purl, component);
        _components[component.Purl].Binaries.Add(binary.Path);
    }

    private static bool IsOwnAssembly(string file)
    {
        try
        {
            return AssemblyName.GetAssemblyName(file).Name is { } name
                && (name == "Hadal" || name.StartsWith("Hadal.", StringComparison.Ordinal));
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }
}
