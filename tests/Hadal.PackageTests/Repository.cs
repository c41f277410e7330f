using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Hadal.PackageTests;

/// <summary>The checkout that the packages were made from.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    /// <summary>Where <c>./build.sh pack</c> puts the packages.</summary>
    public static string Packages { get; } = Path.Combine(Root, "artifacts", "packages");

    public static string PackageTests { get; } = Here();

    public static string Samples { get; } = Path.Combine(PackageTests, "Samples");

    public static string EmbeddedModel { get; } =
        Path.Combine(Root, "tests", "models", "kjv-shakespeare-v32");

    public static string Version { get; } =
        XDocument
            .Load(Path.Combine(Root, "Directory.Build.props"))
            .Descendants("Version")
            .Single()
            .Value;

    /// <summary>For builds that a test starts.</summary>
    public static IReadOnlyDictionary<string, string?> BuildEnvironment { get; } =
        new Dictionary<string, string?>
        {
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_NOLOGO"] = "1",
            ["MSBUILDDISABLENODEREUSE"] = "1",
            // Test runners leave these to the programs that they start.
            ["MSBUILD_EXE_PATH"] = null,
            ["MSBuildSDKsPath"] = null,
        };

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
