using System.Text.Json;
using System.Xml.Linq;

namespace Hadal.PackageTests;

/// <summary>What a build takes from NuGet is fixed by hash, and on a build server nothing else is taken.</summary>
public sealed class LockFileTests
{
    public static TheoryData<string> Projects { get; } =
    [
        .. File.ReadLines(Path.Combine(Repository.Root, "Interop.sln"))
            .Where(line => line.StartsWith("Project(", StringComparison.Ordinal))
            .Select(line => line.Split('"')[5].Replace('\\', '/'))
            .Where(path => path.EndsWith(".csproj", StringComparison.Ordinal)),
    ];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_fixes_each_package_that_it_names(string project)
    {
        string file = Path.Combine(Repository.Root, project);
        string lockFile = Path.Combine(Path.GetDirectoryName(file)!, "packages.lock.json");
        Assert.True(File.Exists(lockFile), $"{lockFile} is missing: dotnet restore writes it");
        using JsonDocument locked = JsonDocument.Parse(File.ReadAllText(lockFile));
        JsonElement packages = locked
            .RootElement.GetProperty("dependencies")
            .GetProperty("net10.0");
        string[] named =
        [
            .. XDocument
                .Load(file)
                .Descendants("PackageReference")
                .Select(reference => reference.Attribute("Include")!.Value),
        ];
        Assert.All(
            named,
            name =>
                Assert.NotEmpty(packages.GetProperty(name).GetProperty("contentHash").GetString()!)
        );
    }

    [Theory]
    [InlineData("true", "true")]
    [InlineData("", "")]
    public async Task A_build_server_takes_nothing_but_what_is_locked(string ci, string locked)
    {
        Command command = await Command.SucceedAsync(
            Repository.Root,
            new Dictionary<string, string?>(Consumer.Environment) { ["CI"] = ci },
            "dotnet",
            "msbuild",
            "src/Hadal/Hadal.csproj",
            "-getProperty:RestoreLockedMode"
        );
        Assert.Equal(locked, command.Output.Trim());
    }
}
