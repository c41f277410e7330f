using System.Text.Json.Nodes;
using Hadal.Cli;
using Hadal.Cli.Hub;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>Names from a hub or a command line stay below the folder that they are meant for, on every system.</summary>
public sealed class PullNameTests
{
    [Theory]
    [InlineData("config.json")]
    [InlineData(".gitattributes")]
    [InlineData("encoding/deep/er/über😀 (1).py")]
    [InlineData("..a/b..c")]
    [InlineData("console/COM10.json")]
    public void APathThatIsUsualIsTaken(string path) => Assert.Null(HubPath.Problem(path));

    [Theory]
    [InlineData("", "1 to 1000 characters")]
    [InlineData("/etc/passwd", "empty name")]
    [InlineData("a//b", "empty name")]
    [InlineData("a/", "empty name")]
    [InlineData("..", "leads through")]
    [InlineData("../x", "leads through")]
    [InlineData("a/../../x", "leads through")]
    [InlineData("./x", "leads through")]
    [InlineData("a\\..\\x", "character \\")]
    [InlineData("C:/x", "character :")]
    [InlineData("x:stream", "character :")]
    [InlineData("a*", "character *")]
    [InlineData("a\0b", "no text")]
    [InlineData("a\nb", "no text")]
    [InlineData("a\u202eb", "no text")]
    [InlineData("a/x.", "dot or a space")]
    [InlineData("a /x", "dot or a space")]
    [InlineData("NUL", "device")]
    [InlineData("a/con.json", "device")]
    [InlineData("com1.safetensors", "device")]
    [InlineData("LPT9", "device")]
    [InlineData(".git/hooks/post-checkout", ".git")]
    [InlineData("a/.GIT/config", ".git")]
    [InlineData("config.json.part", ".part")]
    public void APathThatIsHostileIsRefused(string path, string problem) =>
        Assert.Contains(problem, HubPath.Problem(path), StringComparison.Ordinal);

    [Fact]
    public void APathIsBounded()
    {
        Assert.Null(HubPath.Problem(new string('a', 240)));
        Assert.NotNull(HubPath.Problem(new string('a', 241)));
        Assert.NotNull(HubPath.Problem(new string('ü', 121)));
        Assert.Null(HubPath.Problem(string.Join('/', Enumerable.Repeat("a", 16))));
        Assert.NotNull(HubPath.Problem(string.Join('/', Enumerable.Repeat("a", 17))));
        string name = new('a', 99);
        Assert.Null(HubPath.Problem(string.Join('/', Enumerable.Repeat(name, 10))));
        Assert.NotNull(HubPath.Problem(string.Join('/', Enumerable.Repeat(name, 11))));
    }

    [Theory]
    [InlineData("../../evil.safetensors")]
    [InlineData("/tmp/evil.safetensors")]
    [InlineData("encoding/../../evil.safetensors")]
    public async Task AHostilePathOfTheListStopsThePull(string path)
    {
        using HubStub stub = HubStub.WithModel();
        stub.ChangeList = list => list["siblings"]![2]!["rfilename"] = path;
        using var run = new PullRun(stub) { Include = ["*"] };
        HubException e = await Assert.ThrowsAsync<HubException>(() => run.ToFolderAsync());
        Assert.Contains($"the file '{path}' is refused", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, stub.ContentRequests);
        Assert.False(Path.Exists(run.Folder));
    }

    [Theory]
    [InlineData("org/repo", "org", "repo", "main")]
    [InlineData("deepseek-ai/DeepSeek-V3.2-Exp@v1.0", "deepseek-ai", "DeepSeek-V3.2-Exp", "v1.0")]
    [InlineData("a/b_c@refs/pr/1", "a", "b_c", "refs/pr/1")]
    public void ARepositoryIsRead(string text, string owner, string name, string revision) =>
        Assert.Equal(new RepositoryName(owner, name, revision), RepositoryName.Parse(text));

    [Theory]
    [InlineData("repo")]
    [InlineData("a/b/c")]
    [InlineData("https://huggingface.co/a/b")]
    [InlineData("/repo")]
    [InlineData("org/")]
    [InlineData("org/..")]
    [InlineData("org/a--b")]
    [InlineData("org/a b")]
    [InlineData("org/rèpo")]
    [InlineData("org/repo@")]
    [InlineData("org/repo@../../x")]
    [InlineData("org/repo@a?b")]
    public void ARepositoryThatIsNoneIsRefused(string text) =>
        Assert.Throws<UsageException>(() => RepositoryName.Parse(text));

    /// <summary>A slash of a branch's name is part of the name, not of the address.</summary>
    [Fact]
    public async Task ABranchMayHaveASlash()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        using HubStub stub = HubStub.WithModel();
        JsonObject? listed = null;
        stub.ChangeList = list => listed = (JsonObject)list.DeepClone();
        using (var first = new PullRun(stub) { IsDry = true })
            await first.ToFolderAsync();
        stub.Change = (request, reply) =>
            request.Path == "/api/models/org/repo/revision/refs%2Fpr%2F1?blobs=true"
                ? new StubReply(200, System.Text.Encoding.UTF8.GetBytes(listed!.ToJsonString()))
                : reply;
        using var run = new PullRun(stub) { Repository = "org/repo@refs/pr/1" };
        await run.ToCacheAsync();
        string reference = Path.Combine(run.Cache, "models--org--repo/refs/refs/pr/1");
        Assert.Equal(HubStub.FirstCommit, await File.ReadAllTextAsync(reference));
    }
}
