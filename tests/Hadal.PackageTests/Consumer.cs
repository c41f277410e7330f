namespace Hadal.PackageTests;

/// <summary>
/// A new console project outside the checkout, which gets the packages from their folder and keeps what it gets apart
/// from the user's own packages, where others of the same version may be.
/// </summary>
internal sealed class Consumer : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <param name="program">Its Program.cs: a file of this project.</param>
    /// <param name="packages">What it references.</param>
    public Consumer(string program, params string[] packages)
    {
        foreach (string package in packages)
            Package.Open(package).Dispose();
        File.Copy(Path.Combine(Repository.PackageTests, program), _folder.File("Program.cs"));
        string references = string.Concat(
            packages.Select(id =>
                $"""<PackageReference Include="{id}" Version="[{Repository.Version}]" />"""
            )
        );
        File.WriteAllText(
            _folder.File("Consumer.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
              <ItemGroup>{references}</ItemGroup>
            </Project>
            """
        );
        File.WriteAllText(
            _folder.File("nuget.config"),
            $"""
            <configuration>
              <packageSources><add key="hadal-under-test" value="{Repository.Packages}" /></packageSources>
            </configuration>
            """
        );
        _ = Forgotten.Value;
    }

    public string Folder => _folder.Path;

    /// <summary>Downloads of earlier runs stay; the packages under test don't.</summary>
    private static string Cache { get; } = Path.Combine(Repository.Root, "out", "package-tests");

    /// <summary>Before the first restore of this run.</summary>
    private static readonly Lazy<bool> Forgotten = new(Forget);

    public static Dictionary<string, string?> Environment { get; } =
        new(Repository.BuildEnvironment) { ["NUGET_PACKAGES"] = Cache, ["CI"] = null };

    public Task<Command> DotnetAsync(params string[] arguments) =>
        Command.SucceedAsync(Folder, Environment, "dotnet", arguments);

    /// <summary>Installs the tool, which is at <see cref="Tool"/> then.</summary>
    public Task<Command> InstallToolAsync() =>
        DotnetAsync(
            "tool",
            "install",
            "Hadal.Cli",
            "--version",
            Repository.Version,
            "--tool-path",
            "tools"
        );

    public string Tool => Path.Combine(Folder, "tools", "hadal");

    public Task<Command> RunAsync(string program, params string[] arguments) =>
        Command.SucceedAsync(Folder, Environment, program, arguments);

    public void Dispose() => _folder.Dispose();

    private static bool Forget()
    {
        if (!Directory.Exists(Cache))
            return false;
        foreach (string stale in Directory.GetDirectories(Cache, "hadal*"))
            Directory.Delete(stale, recursive: true);
        return true;
    }
}
