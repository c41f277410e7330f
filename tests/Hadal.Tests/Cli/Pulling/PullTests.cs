using System.Text;
using System.Text.Json.Nodes;
using Hadal.Cli.Hub;

namespace Hadal.Tests.Cli.Pulling;

public sealed class PullTests
{
    [Fact]
    public async Task AFolderGetsWhatAModelNeeds()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        CliResult result = await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(run.Folder + Environment.NewLine, result.Output);
        Assert.All(
            [
                $"org/repo@main, commit {HubStub.FirstCommit}",
                "licence: mit",
                "files: 8 of 11, 505.7 KB; 0 are there",
                "left out: pytorch_model.bin, inference/config.json, figures/cost.png",
                "to fetch: 505.7 KB",
                $"folder: {run.Folder}",
            ],
            line => Assert.Contains(line, result.Error, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task TheCacheIsLaidOutAsHuggingFacesToolsDo()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        CliResult result = await run.ToCacheAsync();
        string root = Path.Combine(run.Cache, "models--org--repo");
        string snapshot = Path.Combine(root, "snapshots", HubStub.FirstCommit);
        Assert.Equal(snapshot + "\n", result.Output);
        Assert.Equal(
            HubStub.FirstCommit,
            await File.ReadAllTextAsync(Path.Combine(root, "refs", "main"))
        );
        Assert.Equal(HubStub.Needed.Order(StringComparer.Ordinal), PullRun.Paths(snapshot));
        Assert.All(
            HubStub.Needed,
            path => Assert.Equal(stub.Files[path], File.ReadAllBytes(Path.Combine(snapshot, path)))
        );
        Assert.Equal(
            $"../../../blobs/{HubStub.GitBlob(stub.Files["encoding/encoding.py"])}",
            Link("encoding/encoding.py")
        );
        Assert.Equal(
            $"../../blobs/{HubStub.GitBlob(stub.Files["config.json"])}",
            Link("config.json")
        );
        Assert.Equal(HubStub.Needed.Length, Directory.GetFiles(Path.Combine(root, "blobs")).Length);

        string? Link(string path) => new FileInfo(Path.Combine(snapshot, path)).LinkTarget;
    }

    /// <summary>What git itself gives these contents: <c>git hash-object</c>.</summary>
    [Theory]
    [InlineData("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")]
    [InlineData("hello world\n", "3b18e512dba79e4c8300dd08aeb37f8e728b8dad")]
    public void ABlobsIdIsGits(string text, string id)
    {
        using var hash = FileDigest.GitBlob(id)!.Begin(text.Length);
        hash.AppendData(Encoding.ASCII.GetBytes(text));
        Assert.True(FileDigest.GitBlob(id)!.Matches(hash));
        hash.AppendData("x"u8);
        Assert.False(FileDigest.GitBlob(id)!.Matches(hash));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ASecondPullFetchesNothing(bool toCache)
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        CliResult first = toCache ? await run.ToCacheAsync() : await run.ToFolderAsync();
        int before = stub.ContentRequests;
        Assert.Equal(HubStub.Needed.Length - 1, before);
        CliResult second = toCache ? await run.ToCacheAsync() : await run.ToFolderAsync();
        Assert.Equal(before, stub.ContentRequests);
        Assert.Equal(first.Output, second.Output);
        Assert.Contains("to fetch: 0 B", second.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFolderFollowsARevisionThatMoves()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        await run.ToFolderAsync();
        Move(stub);
        CliResult result = await run.ToFolderAsync();
        Assert.Contains(
            "replaced, as they are others: config.json",
            result.Error,
            StringComparison.Ordinal
        );
        Assert.Equal(HubStub.Needed.Length, stub.ContentRequests);
        run.MustBeWhole();
    }

    [Fact]
    public async Task TheCacheKeepsTheOldCommitOfARevisionThatMoves()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        string old = (await run.ToCacheAsync()).Output.TrimEnd();
        byte[] config = stub.Files["config.json"];
        Move(stub);
        string moved = (await run.ToCacheAsync()).Output.TrimEnd();
        Assert.Equal(HubStub.Needed.Length, stub.ContentRequests);
        Assert.Equal(config, await File.ReadAllBytesAsync(Path.Combine(old, "config.json")));
        Assert.Equal(
            stub.Files["config.json"],
            await File.ReadAllBytesAsync(Path.Combine(moved, "config.json"))
        );
        Assert.Equal(
            stub.Commit,
            await File.ReadAllTextAsync(Path.Combine(moved, "../../refs/main"))
        );
    }

    /// <summary>The same size, so that only the content tells.</summary>
    private static void Move(HubStub stub)
    {
        stub.Commit = new string('f', 40);
        stub.Files["config.json"] = [.. stub.Files["config.json"].Reverse()];
    }

    [Fact]
    public async Task IncludeTakesTheLikeOfItsPatterns()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub) { Include = ["*config.json", "*.p?g"] };
        await run.ToFolderAsync();
        Assert.Equal(
            ["config.json", "figures/cost.png", "inference/config.json"],
            PullRun.Paths(run.Folder)
        );
    }

    [Fact]
    public async Task FilesOfTheSameContentAreFetchedOnceIntoTheCache()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        using HubStub stub = HubStub.WithModel();
        stub.Files["encoding/same.py"] = stub.Files["encoding/encoding.py"];
        using var run = new PullRun(stub);
        string folder = (await run.ToCacheAsync()).Output.TrimEnd();
        Assert.Equal(HubStub.Needed.Length - 1, stub.ContentRequests);
        Assert.Equal(
            stub.Files["encoding/same.py"],
            await File.ReadAllBytesAsync(Path.Combine(folder, "encoding", "same.py"))
        );
    }

    [Fact]
    public async Task ADryRunWritesNothing()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub) { IsDry = true };
        CliResult result = await run.ToFolderAsync();
        Assert.Contains("to fetch: 505.7 KB", result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
        Assert.Equal(0, stub.ContentRequests);
        Assert.False(Path.Exists(run.Folder));
        await run.ToCacheAsync();
        Assert.False(Path.Exists(run.Cache));
    }

    [Theory]
    [InlineData(505_711, true)]
    [InlineData(505_710, false)]
    public async Task WhatDoesNotFitTheDiskIsNotBegun(long free, bool fits)
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub) { Free = free };
        if (fits)
        {
            await run.ToFolderAsync();
            run.MustBeWhole();
            return;
        }
        IOException e = await Assert.ThrowsAsync<IOException>(() => run.ToFolderAsync());
        Assert.Contains("505.7 KB are to be fetched", e.Message, StringComparison.Ordinal);
        Assert.False(Path.Exists(run.Folder));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task NoMoreFilesComeAtOnceThanConnections(int connections)
    {
        using HubStub stub = HubStub.WithModel();
        var all = new TaskCompletionSource();
        using var run = new PullRun(stub) { Connections = connections };
        // Each waits until as many are open as may be, and a little for one too many.
        stub.Change = (request, reply) =>
        {
            if (stub.MostAtOnce == connections)
                all.TrySetResult();
            return request.IsContent
                ? reply with
                {
                    Until = all.Task.ContinueWith(_ => Thread.Sleep(20), TaskScheduler.Default),
                }
                : reply;
        };
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(connections, stub.MostAtOnce);
    }

    [Fact]
    public async Task TheTokenGoesToTheHubAlone()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub) { Token = "hf_secret" };
        CliResult result = await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(2, stub.Requests.Count(request => request.Host == "localhost"));
        Assert.All(
            stub.Requests,
            request =>
                Assert.Equal(
                    request.Host == "127.0.0.1" ? "Bearer hf_secret" : null,
                    request.Authorization
                )
        );
        Assert.DoesNotContain("hf_secret", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheLicenceOfNoListIsShownWithItsName()
    {
        using HubStub stub = HubStub.WithModel();
        stub.ChangeList = list =>
            list["cardData"] = new JsonObject
            {
                ["license"] = "other",
                ["license_name"] = "deepseek\e[2J",
                ["license_link"] = "https://example.org",
            };
        using var run = new PullRun(stub) { IsDry = true };
        CliResult result = await run.ToFolderAsync();
        Assert.Contains(
            "licence: other, deepseek\\u001b[2J, https://example.org",
            result.Error,
            StringComparison.Ordinal
        );
    }
}
