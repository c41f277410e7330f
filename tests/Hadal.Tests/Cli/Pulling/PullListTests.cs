using System.Text;
using System.Text.Json.Nodes;
using Hadal.Cli.Hub;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>A list of files that is broken, hostile or of no use is refused by name, and nothing is written.</summary>
public sealed class PullListTests
{
    [Theory]
    [InlineData("""{"siblings": []}""", "no commit")]
    [InlineData("""{"sha": "main", "siblings": []}""", "no commit")]
    [InlineData("""{"sha": "0123456789abcdef0123456789abcdef01234567"}""", "lists no files")]
    [InlineData("""[1]""", "no commit")]
    [InlineData("""{"sha": """, "not JSON")]
    [InlineData("""{"sha": "\ud800"}""", "not JSON")]
    [InlineData("<html>", "not JSON")]
    public async Task AListThatIsBrokenIsRefused(string json, string error)
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (_, _) => new StubReply(200, Encoding.UTF8.GetBytes(json));
        using var run = new PullRun(stub);
        Assert.Contains(error, await FailAsync(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AListWithoutEndIsRefused()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (_, _) =>
            new StubReply(200, new byte[1 << 16]) { Length = null, IsEndless = true };
        using var run = new PullRun(stub);
        Assert.Contains("longer than 16 MiB", await FailAsync(run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("size", "-1", "no possible size of config.json")]
    [InlineData("size", "1e30", "no possible size of config.json")]
    [InlineData("size", "\"12\"", "no possible size of config.json")]
    [InlineData("size", "9223372036854775807", "no possible size of config.json")]
    [InlineData("blobId", "null", "no checksum of config.json")]
    [InlineData(
        "blobId",
        "\"../../../../../../../../../etc/passwdxxxxxx\"",
        "no checksum of config.json"
    )]
    [InlineData("lfs", """{"sha256": "00", "size": 1}""", "no checksum of config.json")]
    [InlineData("rfilename", "\"CONFIG.json\"", null)]
    [InlineData("rfilename", "\"TOKENIZER.json\"", "which some systems take for one file")]
    [InlineData("rfilename", "\"tokenizer.json\"", "which some systems take for one file")]
    public async Task AFileThatTheListTellsWrongIsRefused(string key, string value, string? error)
    {
        using HubStub stub = HubStub.WithModel();
        stub.ChangeList = list => list["siblings"]![0]![key] = JsonNode.Parse(value);
        using var run = new PullRun(stub) { IsDry = true };
        if (error is null)
            await run.ToFolderAsync();
        else
            Assert.Contains(error, await FailAsync(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AListOfTooManyFilesIsRefused()
    {
        using HubStub stub = HubStub.WithModel();
        stub.ChangeList = list =>
        {
            for (int i = 0; i < 10_000; i++)
                list["siblings"]!.AsArray().Add(new JsonObject { ["rfilename"] = $"{i}" });
        };
        using var run = new PullRun(stub);
        Assert.Contains("more than 10000 files", await FailAsync(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARepositoryWithoutWeightsIsRefused()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Files.Remove("model-00001-of-00002.safetensors");
        stub.Files.Remove("model-00002-of-00002.safetensors");
        using var run = new PullRun(stub);
        Assert.Contains("--include", await FailAsync(run), StringComparison.Ordinal);
    }

    private static async Task<string> FailAsync(PullRun run)
    {
        HubException e = await Assert.ThrowsAsync<HubException>(() => run.ToFolderAsync());
        Assert.False(Path.Exists(run.Folder));
        return e.Message;
    }
}
