namespace Hadal.PackageTests;

/// <summary>Once a version is published, a package that breaks its interface is refused: PublishedVersion in Directory.Build.props.</summary>
public sealed class ValidationTests : IDisposable
{
    private const string Published = "0.0.1";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_type_of_the_published_version_must_stay()
    {
        Package.Open("Hadal.Bindings").Dispose();
        await File.WriteAllTextAsync(
            _folder.File("Gone.cs"),
            "namespace Hadal.Bindings; public static class Gone;",
            TestContext.Current.CancellationToken
        );
        await File.WriteAllTextAsync(
            _folder.File("Hadal.Bindings.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <Version>{Published}</Version>
              </PropertyGroup>
            </Project>
            """,
            TestContext.Current.CancellationToken
        );
        string feed = _folder.File("feed");
        await Command.SucceedAsync(
            _folder.Path,
            Consumer.Environment,
            "dotnet",
            "pack",
            "-v",
            "q",
            "-o",
            feed
        );
        // The project as it is, but for where it is built; the tool that the papers need comes from this cache too.
        await RunAsync("tool", "restore");
        Command packed = await RunAsync(
            "pack",
            "bindings/Hadal.Bindings",
            "-c",
            "Release",
            "-v",
            "q",
            "-o",
            _folder.File("packages"),
            "--artifacts-path",
            _folder.File("artifacts"),
            $"-p:PublishedVersion={Published}",
            $"-p:RestoreAdditionalProjectSources={feed}",
            $"-p:NativeFolder={Path.Combine(Repository.Root, "out", "release", "native")}/"
        );
        Assert.NotEqual(0, packed.Status);
        Assert.True(
            packed.Output.Contains("CP0001", StringComparison.Ordinal),
            packed.Output + packed.Error
        );
        Assert.Contains("CP0001", packed.Output, StringComparison.Ordinal);
        Assert.Contains("Hadal.Bindings.Gone", packed.Output, StringComparison.Ordinal);
    }

    private static Task<Command> RunAsync(params string[] arguments) =>
        Command.RunAsync(Repository.Root, Consumer.Environment, "dotnet", arguments);
}
