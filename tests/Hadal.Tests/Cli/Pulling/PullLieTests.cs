using Hadal.Cli.Hub;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>What a hub says and sends is not believed: an error tells what is wrong, and no wrong file stays.</summary>
public sealed class PullLieTests
{
    private const string Large = "model-00001-of-00002.safetensors";

    [Theory]
    [InlineData(299_999L, 300_000, "299999 bytes come; by the hub's list 300000 must come")]
    [InlineData(300_001L, 300_000, "300001 bytes come")]
    [InlineData(long.MaxValue, 300_000, "9223372036854775807 bytes come")]
    [InlineData(null, 299_999, "ended 1 bytes too early")]
    [InlineData(300_000L, 299_999, "the connection broke")]
    public async Task AWrongLengthIsTriedAgainAndThenGivenUp(long? said, int sent, string error)
    {
        using HubStub stub = HubStub.WithModel();
        byte[] content = stub.Files[Large];
        stub.Change = (request, reply) =>
            IsLarge(request) ? new StubReply(200, content[..sent]) { Length = said } : reply;
        using var run = new PullRun(stub);
        string message = await FailAsync(run);
        Assert.Contains(error, message, StringComparison.Ordinal);
        Assert.Contains("given up after 6 tries", message, StringComparison.Ordinal);
        Assert.Equal(6, stub.Requests.Count(IsLarge));
    }

    /// <summary>The list's size is all that is read; its checksum decides.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ABodyWithoutEndIsReadToTheListsSize(bool beginsRight)
    {
        using HubStub stub = HubStub.WithModel();
        byte[] content = beginsRight ? stub.Files[Large] : new byte[1000];
        stub.Change = (request, reply) =>
            IsLarge(request)
                ? new StubReply(200, content) { Length = null, IsEndless = true }
                : reply;
        using var run = new PullRun(stub);
        if (beginsRight)
        {
            await run.ToFolderAsync();
            run.MustBeWhole();
        }
        else
        {
            Assert.Contains("checksum", await FailAsync(run), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("bytes 999-299999/300000")]
    [InlineData("bytes 1001-299999/300000")]
    [InlineData("bytes 1000-299998/300000")]
    [InlineData("bytes 1000-299999/300001")]
    [InlineData("bytes */300000")]
    [InlineData("lines 1000-299999/300000")]
    [InlineData(null)]
    public async Task AnotherRangeThanWasAskedForIsNotTaken(string? range)
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
            !IsLarge(request) ? reply
            : request.From is null ? reply with { BreakAfter = 1000 }
            : reply with { Headers = range is null ? [] : [$"Content-Range: {range}"] };
        using var run = new PullRun(stub);
        Assert.Contains(
            "it was asked for bytes 1000-299999/300000",
            await FailAsync(run),
            StringComparison.Ordinal
        );
        Assert.Equal(1000, new FileInfo(Path.Combine(run.Folder, Large + ".part")).Length);
    }

    [Fact]
    public async Task ARangeThatTellsNoSizeIsTaken()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
            !IsLarge(request) ? reply
            : request.From is null ? reply with { BreakAfter = 1000 }
            : reply with { Headers = ["Content-Range: bytes 1000-299999/*"] };
        using var run = new PullRun(stub);
        await run.ToFolderAsync();
        run.MustBeWhole();
    }

    [Theory]
    [InlineData(Large)]
    [InlineData("config.json")]
    public async Task AWrongContentIsDroppedAndNamed(string path)
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
        {
            if (request.IsContent && request.Path.EndsWith(path, StringComparison.Ordinal))
                reply.Body[^1] ^= 1;
            return reply;
        };
        byte[] right = [.. stub.Files[path]];
        // The list is made of the right bytes, before the first is changed.
        using var run = new PullRun(stub);
        string message = await FailAsync(run);
        Assert.Contains(
            $"org/repo: {path}: what came has not the checksum",
            message,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(
            PullRun.Paths(run.Folder),
            p => p.StartsWith(path, StringComparison.Ordinal)
        );
        stub.Files[path] = right;
        stub.Change = (_, reply) => reply;
        await run.ToFolderAsync();
        run.MustBeWhole();
    }

    [Fact]
    public async Task RedirectionsInACircleEnd()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
            IsLarge(request) ? StubReply.Redirect(request.Path) : reply;
        using var run = new PullRun(stub);
        Assert.Contains(
            "more than 10 redirections",
            await FailAsync(run),
            StringComparison.Ordinal
        );
        Assert.Equal(10, stub.Requests.Count(IsLarge));
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("file:///etc/passwd")]
    public async Task ARedirectionLeavesNoHttp(string address)
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) => IsLarge(request) ? StubReply.Redirect(address) : reply;
        using var run = new PullRun(stub);
        Assert.Contains("leads nowhere", await FailAsync(run), StringComparison.Ordinal);
    }

    /// <summary>The hub's own server that sends a file to another gets the token, and the other does not, at the same port.</summary>
    [Fact]
    public async Task ATokenDoesNotComeBackByAnotherHost()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
            request is { Host: "127.0.0.1", IsContent: true }
                ? StubReply.Redirect(stub.Storage + request.Path)
                : reply;
        using var run = new PullRun(stub) { Token = "hf_secret" };
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.All(
            stub.Requests.Where(request => request.Host == "localhost"),
            request => Assert.Null(request.Authorization)
        );
        Assert.Equal(HubStub.Needed.Length - 1, stub.Requests.Count(r => r.Host == "localhost"));
    }

    [Theory]
    [InlineData(401, null, "set HF_TOKEN")]
    [InlineData(403, null, "set HF_TOKEN")]
    [InlineData(
        401,
        "hf_secret",
        "the token of HF_TOKEN may not read it; where it is gated, 127.0.0.1/org/repo"
    )]
    [InlineData(403, "hf_secret", "the token of HF_TOKEN may not read it")]
    [InlineData(404, null, "no such repository, or it has no revision main")]
    [InlineData(400, null, "status 400")]
    [InlineData(302, null, "status 302")]
    public async Task ARefusalIsSaidAtOnce(int status, string? token, string error)
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (_, _) => new StubReply(status, []);
        using var run = new PullRun(stub) { Token = token };
        string message = await FailAsync(run);
        Assert.Contains(error, message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_secret", message, StringComparison.Ordinal);
        Assert.Single(stub.Requests);
        Assert.False(Path.Exists(run.Folder));
    }

    /// <summary>A gated repository's list is for all, and its files are not.</summary>
    [Fact]
    public async Task AFileThatIsGatedNamesTheToken()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
            request.Path.Contains("/resolve/", StringComparison.Ordinal)
                ? new StubReply(401, [])
                : reply;
        using var run = new PullRun(stub);
        Assert.Contains("set HF_TOKEN", await FailAsync(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFileThatIsListedAndNotThereIsNamed()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) => IsLarge(request) ? new StubReply(404, []) : reply;
        using var run = new PullRun(stub);
        Assert.Contains(
            $"{Large}: the hub lists the file and does not have it",
            await FailAsync(run),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(429, "Retry-After: 7", 7)]
    [InlineData(503, "Retry-After: Thu, 01 Jan 2026 00:01:00 GMT", 60)]
    [InlineData(503, "Retry-After: Thu, 01 Jan 2015 00:01:00 GMT", null)]
    [InlineData(500, "X: y", 1)]
    public async Task ABusyServerIsWaitedForAsLongAsItAsks(int status, string header, int? seconds)
    {
        using HubStub stub = HubStub.WithModel();
        bool isFirst = true;
        stub.Change = (_, reply) =>
        {
            bool isBusy = isFirst;
            isFirst = false;
            return isBusy ? new StubReply(status, []) { Headers = [header] } : reply;
        };
        using var run = new PullRun(stub);
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(seconds is { } wait ? [wait] : [], run.Clock.Seconds);
    }

    [Fact]
    public async Task AServerThatAsksForLongIsLeftAlone()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (_, _) => new StubReply(429, []) { Headers = ["Retry-After: 3600"] };
        using var run = new PullRun(stub);
        Assert.Contains("asks to wait 60 minutes", await FailAsync(run), StringComparison.Ordinal);
        Assert.Single(stub.Requests);
    }

    /// <summary>The address of a storage holds for minutes; the hub gives another.</summary>
    [Fact]
    public async Task AStoragesRefusalIsNotTheTokens()
    {
        using HubStub stub = HubStub.WithModel();
        int refusals = 2;
        stub.Change = (request, reply) =>
            IsLarge(request) && refusals-- > 0 ? new StubReply(403, []) : reply;
        using var run = new PullRun(stub);
        await run.ToFolderAsync();
        run.MustBeWhole();
    }

    [Fact]
    public async Task AHubThatIsNotThereIsNamed()
    {
        HubStub stub = HubStub.WithModel();
        stub.Dispose();
        using var run = new PullRun(stub);
        string message = await FailAsync(run);
        Assert.Contains("org/repo: 127.0.0.1: ", message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 4, 8, 16], run.Clock.Seconds);
    }

    private static bool IsLarge(StubRequest request) => request.Path == $"/storage/{Large}";

    private static async Task<string> FailAsync(PullRun run) =>
        (await Assert.ThrowsAsync<HubException>(() => run.ToFolderAsync())).Message;
}
