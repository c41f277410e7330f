using System.Diagnostics;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>The command itself, as a process with an environment of its own.</summary>
public sealed class PullCommandTests
{
    [Theory]
    [InlineData("ORG/REPO", "repo")]
    [InlineData("", "org/repo", "")]
    [InlineData("--connections", "org/repo", "--connections", "0")]
    [InlineData("'repository' missing")]
    public async Task WrongUsageIsRefused(string error, params string[] args) =>
        (await CliResult.RunAsync(["pull", .. args])).MustRefuse(2, error);

    [Fact]
    public async Task AFileIsNoFolder()
    {
        using var parent = new TemporaryFolder();
        await File.WriteAllTextAsync(parent.File("x"), "");
        (await CliResult.RunAsync("pull", "org/repo", parent.File("x"))).MustRefuse(2, "is a file");
    }

    [Fact]
    public async Task ItsOutputIsAModelForTheOthers()
    {
        using var stub = new HubStub();
        foreach (string path in Directory.EnumerateFiles(Paths.EmbeddedModel))
            stub.Files[Path.GetFileName(path)] = await File.ReadAllBytesAsync(path);
        using var cache = new TemporaryFolder();
        CliResult result = await ToolProcess.RunAsync(
            $"{Environment(stub, cache)} inspect --json --model \"$({Environment(stub, cache)} pull org/repo)\""
        );
        Assert.Equal(0, result.Status);
        Assert.Equal(
            cache.File($"models--org--repo/snapshots/{HubStub.FirstCommit}"),
            result.Json.GetProperty("folder").GetString()
        );
        Assert.Equal("deepseek_v32", result.Json.GetProperty("model_type").GetString());
    }

    /// <summary>Killed and interrupted, again and again, at any place: what came counts.</summary>
    [Theory]
    [InlineData("KILL", 137)]
    [InlineData("INT", 130)]
    public async Task ItGoesOnAfterItWasEnded(string signal, int status)
    {
        using HubStub stub = HubStub.WithModel();
        using var parent = new TemporaryFolder();
        var never = new TaskCompletionSource();
        string pull = $"exec {Environment(stub, parent)} pull org/repo '{parent.File("m")}'";
        const string large = "model-00001-of-00002.safetensors";
        stub.Change = (request, reply) =>
            request.Path != $"/storage/{large}" ? reply
            : request.From is null ? reply with { BreakAfter = 200_000 }
            : reply with { Until = never.Task };
        using (Process process = ToolProcess.Start(pull))
        {
            Waiting.Until(() => stub.Requests.Any(request => request.From is not null));
            using Process kill = ToolProcess.Start($"kill -{signal} {process.Id}");
            await kill.WaitForExitAsync();
            CliResult ended = await ToolProcess.EndAsync(process);
            Assert.Equal((status, ""), (ended.Status, ended.Output));
        }
        long left = new FileInfo(parent.File($"m/{large}.part")).Length;
        Assert.InRange(left, 100_000, 200_000);

        stub.Change = (_, reply) => reply;
        CliResult result = await ToolProcess.RunAsync(pull);
        Assert.Equal((0, parent.File("m") + "\n"), (result.Status, result.Output));
        Assert.Equal(left, stub.Requests.Last(r => r.Path == $"/storage/{large}").From);
        Assert.All(
            HubStub.Needed,
            path => Assert.Equal(stub.Files[path], File.ReadAllBytes(parent.File($"m/{path}")))
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ProgressIsDrawnForAPersonAlone(bool isWatched)
    {
        using HubStub stub = HubStub.WithModel();
        using var cache = new TemporaryFolder();
        // Bytes that are dropped go backwards on the bar.
        Directory.CreateDirectory(cache.File("m"));
        await File.WriteAllBytesAsync(
            cache.File("m/model-00001-of-00002.safetensors.part"),
            new byte[1000]
        );
        await File.WriteAllTextAsync(
            cache.File("pull"),
            $"{Environment(stub, cache)} pull org/repo '{cache.File("m")}'"
        );
        string run = $"bash '{cache.File("pull")}'";
        CliResult result = await ToolProcess.RunAsync(
            isWatched ? $"TERM=xterm NO_COLOR= script -qec \"{run}\" /dev/null" : run
        );
        Assert.Equal(0, result.Status);
        string shown = result.Output + result.Error;
        Assert.Equal(isWatched, shown.Contains('\e', StringComparison.Ordinal));
        Assert.Equal(isWatched, shown.Contains("fetching 504.7 KB", StringComparison.Ordinal));
        Assert.Equal(
            stub.Files["model-00001-of-00002.safetensors"],
            await File.ReadAllBytesAsync(cache.File("m/model-00001-of-00002.safetensors"))
        );
    }

    [Fact]
    public async Task TheTokenOfTheEnvironmentIsSentAndNeverShown()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (_, _) => new StubReply(403, []);
        using var cache = new TemporaryFolder();
        CliResult result = await ToolProcess.RunAsync(
            $"HF_TOKEN=hf_secret {Environment(stub, cache)} pull org/repo"
        );
        result.MustRefuse(1, "the token of HF_TOKEN may not read it");
        Assert.DoesNotContain("hf_secret", result.Error, StringComparison.Ordinal);
        Assert.Equal("Bearer hf_secret", Assert.Single(stub.Requests).Authorization);
    }

    private static string Environment(HubStub stub, TemporaryFolder cache) =>
        $"env HF_ENDPOINT={stub.Endpoint} HF_HUB_CACHE='{cache.Path}' {ToolProcess.Hadal}";
}
