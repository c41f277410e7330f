using System.IO.Compression;
using System.Xml.Linq;

namespace Hadal.PackageTests;

/// <summary>A package as <c>./build.sh pack</c> left it.</summary>
internal sealed class Package : IDisposable
{
    private readonly ZipArchive _archive;

    private Package(string file) => _archive = ZipFile.OpenRead(file);

    public IEnumerable<string> Entries => _archive.Entries.Select(entry => entry.FullName);

    public XElement Metadata
    {
        get
        {
            using Stream nuspec = _archive
                .Entries.Single(entry =>
                    entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)
                )
                .Open();
            XElement metadata = XDocument
                .Load(nuspec)
                .Root!.Elements()
                .Single(element => element.Name.LocalName == "metadata");
            return metadata;
        }
    }

    /// <summary>The package, or a test skipped where none were made, or this machine can't make this one.</summary>
    public static Package Open(string id)
    {
        string file = PathOf(id, "nupkg");
        Assert.SkipUnless(
            Exists(id),
            $"There is no {file}: ./build.sh pack makes the packages that this machine can."
        );
        return new Package(file);
    }

    public static bool Exists(string id) => File.Exists(PathOf(id, "nupkg"));

    public static string PathOf(string id, string extension) =>
        Path.Combine(Repository.Packages, $"{id}.{Repository.Version}.{extension}");

    /// <summary>Versions of the packages of this repository that it depends on.</summary>
    public Dictionary<string, string> OwnDependencies() =>
        Metadata
            .Descendants()
            .Where(element => element.Name.LocalName == "dependency")
            .ToDictionary(
                element => element.Attribute("id")!.Value,
                element => element.Attribute("version")!.Value
            )
            .Where(pair => pair.Key.StartsWith("Hadal", StringComparison.Ordinal))
            .ToDictionary();

    public void Extract(string entry, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        _archive.GetEntry(entry)!.ExtractToFile(file);
    }

    public byte[] Bytes(string entry) => Bytes(_archive.GetEntry(entry)!);

    public static byte[] Bytes(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    public string Read(string entry)
    {
        using var reader = new StreamReader(_archive.GetEntry(entry)!.Open());
        return reader.ReadToEnd();
    }

    public void Dispose() => _archive.Dispose();
}
