using System.ComponentModel;
using System.Diagnostics;

namespace Hadal.Tests.Server.Clients;

/// <summary>A test of <c>tests/clients</c>, which node's own test runner runs against a server.</summary>
internal static class NodeScript
{
    private static readonly string s_folder = Path.Combine(Paths.Root, "tests", "clients");

    /// <summary>
    /// Runs it; skips where the packages are not there, but fails for it in continuous integration that has node.
    /// </summary>
    /// <param name="name">The file's name.</param>
    /// <param name="server">The server's address, which the script finds in <c>HADAL_URL</c>.</param>
    /// <param name="variables">More variables of its environment.</param>
    public static async Task RunAsync(
        string name,
        Uri server,
        params (string Name, string Value)[] variables
    )
    {
        Requirement.Check(
            Directory.Exists(Path.Combine(s_folder, "node_modules")),
            isExpected: HasNode,
            "npm's clients are not here; ./build.sh test brings them where npm is"
        );
        var start = new ProcessStartInfo("node", ["--test", "--test-reporter=tap", name])
        {
            WorkingDirectory = s_folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HADAL_URL"] = server.ToString().TrimEnd('/');
        foreach ((string variable, string value) in variables)
            start.Environment[variable] = value;
        using Process process = Process.Start(start)!;
        try
        {
            CancellationToken cancellation = TestContext.Current.CancellationToken;
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
            string said = await output + await errors;
            await process.WaitForExitAsync(cancellation);
            Assert.True(process.ExitCode == 0, $"{name} ended with {process.ExitCode}: {said}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static bool HasNode()
    {
        try
        {
            using Process process = Process.Start("node", "--version");
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
