using System.IO.Compression;

namespace Hadal.PackageTests;

/// <summary>The same sources and native libraries give the same packages, whatever the folder they are packed in.</summary>
public sealed class ReproducibilityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Packing_again_elsewhere_gives_the_same_files()
    {
        using (Package package = Package.Open("Hadal"))
        {
            string packed = package
                .Metadata.Elements()
                .Single(element => element.Name.LocalName == "repository")
                .Attribute("commit")!
                .Value;
            string head = (await GitAsync("rev-parse", "HEAD")).Output.Trim();
            Assert.SkipUnless(
                packed == head,
                $"The packages are of commit {packed}, and the checkout is at {head}: run ./build.sh pack again."
            );
        }
        await CopyCheckoutAsync();
        string date = (await GitAsync("log", "-1", "--format=%ct")).Output.Trim();
        string native =
            $"-p:NativeFolder={Path.Combine(Repository.Root, "out", "release", "native")}/";
        await Command.SucceedAsync(
            _folder.Path,
            new Dictionary<string, string?>(Repository.BuildEnvironment)
            {
                ["SOURCE_DATE_EPOCH"] = date,
            },
            "bash",
            "-c",
            // A developer's build comes before, of which nothing may get into the packages.
            $"dotnet tool restore && dotnet build src/Hadal -c Release -v q {native} && "
                + $"dotnet pack Interop.sln -c Release -v q -o packages -p:ContinuousIntegrationBuild=true {native}"
        );
        Assert.Equal(Names(Repository.Packages), Names(_folder.File("packages")));
        string[] different =
        [
            .. Names(Repository.Packages)
                .SelectMany(name =>
                    Differences(
                        Path.Combine(Repository.Packages, name),
                        _folder.File("packages", name)
                    )
                ),
        ];
        Assert.True(
            different.Length == 0,
            "They differ, or the checkout is not as it was packed:\n" + string.Join('\n', different)
        );
    }

    private static string[] Names(string folder) =>
        [
            .. Directory
                .GetFiles(folder, "*.*nupkg")
                .Select(file => Path.GetFileName(file))
                .Order(StringComparer.Ordinal),
        ];

    private static IEnumerable<string> Differences(string first, string second)
    {
        using ZipArchive one = ZipFile.OpenRead(first);
        using ZipArchive other = ZipFile.OpenRead(second);
        string name = Path.GetFileName(first);
        foreach (
            string entry in one
                .Entries.Concat(other.Entries)
                .Select(entry => entry.FullName)
                .Distinct()
        )
        {
            if (!Bytes(one, entry).AsSpan().SequenceEqual(Bytes(other, entry)))
                yield return $"{name}: {entry}";
        }
        if (!File.ReadAllBytes(first).AsSpan().SequenceEqual(File.ReadAllBytes(second)))
            yield return $"{name} itself";
    }

    private static byte[]? Bytes(ZipArchive archive, string entry) =>
        archive.GetEntry(entry) is { } found ? Package.Bytes(found) : null;

    /// <summary>The files of the checkout, its history by reference, and the libraries that were packed.</summary>
    private async Task CopyCheckoutAsync()
    {
        string files = (
            await GitAsync("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        ).Output;
        string git = (await GitAsync("rev-parse", "--absolute-git-dir")).Output.Trim();
        await File.WriteAllTextAsync(
            _folder.File(".git"),
            $"gitdir: {git}\n",
            TestContext.Current.CancellationToken
        );
        foreach (string file in files.Split('\0', StringSplitOptions.RemoveEmptyEntries))
            Copy(file);
        foreach (
            string build in Directory.GetDirectories(
                Path.Combine(Repository.Root, "out"),
                "package-*"
            )
        )
        {
            foreach (
                string library in Directory
                    .EnumerateFiles(build, "*", SearchOption.AllDirectories)
                    .Where(file => IsShipped(Path.GetFileName(file)))
            )
                Copy(Path.GetRelativePath(Repository.Root, library));
        }
    }

    private static bool IsShipped(string name) =>
        name is "libhadal.so" or "libhadal-cuda.so" or "libcudart.so.12" or "hadal.dll"
        || name.EndsWith(".debug", StringComparison.Ordinal)
        || name.EndsWith(".link.d", StringComparison.Ordinal);

    private void Copy(string file)
    {
        string source = Path.Combine(Repository.Root, file);
        // A submodule is a folder, and a file may be deleted but not yet in the index.
        if (!File.Exists(source))
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(file))!);
        File.Copy(source, _folder.File(file));
    }

    private static Task<Command> GitAsync(params string[] arguments) =>
        Command.SucceedAsync(Repository.Root, new Dictionary<string, string?>(), "git", arguments);
}
