using Hadal.Cli.Hub;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>A pull goes on where something broke it off.</summary>
public sealed class PullResumeTests
{
    private const string Large = "model-00001-of-00002.safetensors";

    [Fact]
    public async Task ManyBreaksLoseNoByte()
    {
        using HubStub stub = HubStub.WithModel();
        int breaks = 0;
        int[] after = [0, 1, 1, 8191, 65536, 100_000, 3, 0, 50_000];
        stub.Change = (request, reply) =>
            IsLarge(request) && breaks < after.Length
                ? reply with
                {
                    BreakAfter = after[breaks++],
                }
                : reply;
        using var run = new PullRun(stub);
        await run.ToFolderAsync();
        run.MustBeWhole();
        long?[] from = [.. stub.Requests.Where(IsLarge).Select(request => request.From)];
        Assert.Equal(after.Length + 1, from.Length);
        // What came is not asked for again.
        Assert.Null(from[0]);
        long expected = 0;
        for (int i = 0; i < after.Length; i++)
            Assert.Equal(expected += after[i], from[i + 1] ?? 0);
        // A break without a byte in between is the second in a row.
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 2, 1], run.Clock.Seconds);
    }

    [Fact]
    public async Task ResetsLoseNoByte()
    {
        using HubStub stub = HubStub.WithModel();
        int resets = 0;
        stub.Change = (request, reply) =>
            IsLarge(request) && ++resets <= 20
                ? reply with
                {
                    BreakAfter = Math.Min(resets * 1500, reply.Body.Length),
                    IsReset = true,
                }
                : reply;
        using var run = new PullRun(stub);
        // Each run gives up only where nothing came five times in a row.
        for (int runs = 0; runs < 4 && resets <= 20; runs++)
        {
            try
            {
                await run.ToFolderAsync();
            }
            catch (HubException)
            {
                Assert.False(File.Exists(Path.Combine(run.Folder, Large)));
            }
        }
        run.MustBeWhole();
    }

    [Fact]
    public async Task TheNextRunGoesOnWhereOneGaveUp()
    {
        using HubStub stub = HubStub.WithModel();
        bool isBroken = true;
        stub.Change = (request, reply) =>
            !isBroken || !IsLarge(request) ? reply
            : request.From is null ? reply with { BreakAfter = 123_456 }
            : reply with { BreakAfter = 0 };
        using var run = new PullRun(stub);
        HubException e = await Assert.ThrowsAsync<HubException>(() => run.ToFolderAsync());
        Assert.Contains(Large, e.Message, StringComparison.Ordinal);
        Assert.Contains("given up after 6 tries", e.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 4, 8, 16], run.Clock.Seconds);
        Assert.Equal(123_456, new FileInfo(Path.Combine(run.Folder, Large + ".part")).Length);
        Assert.False(File.Exists(Path.Combine(run.Folder, Large)));

        isBroken = false;
        CliResult result = await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(123_456, stub.Requests.Last(IsLarge).From);
        Assert.Contains("to fetch: 176.5 KB", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsWholeButNotNamedYetIsOnlyChecked()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        await LeaveAsync(run, stub.Files[Large]);
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.DoesNotContain(stub.Requests, IsLarge);
    }

    /// <summary>A part of another revision, or that a loss of power damaged, costs a fetch, not the file.</summary>
    [Theory]
    [InlineData(1000)]
    [InlineData(300_000)]
    [InlineData(300_001)]
    public async Task APartThatIsWrongIsFetchedAnew(int length)
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        await LeaveAsync(run, new byte[length]);
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Null(stub.Requests.Last(IsLarge).From);
    }

    [Fact]
    public async Task AServerThatKnowsNoRangesSendsTheWholeAgain()
    {
        using HubStub stub = HubStub.WithModel();
        bool isFirst = true;
        stub.Change = (request, reply) =>
        {
            if (!IsLarge(request))
                return reply;
            int? end = isFirst ? 1000 : null;
            isFirst = false;
            return new StubReply(200, stub.Files[Large]) { BreakAfter = end };
        };
        using var run = new PullRun(stub);
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal([null, 1000], stub.Requests.Where(IsLarge).Select(request => request.From));
    }

    /// <summary>It would begin anew for ever.</summary>
    [Fact]
    public async Task AServerThatKnowsNoRangesAndAlwaysBreaksIsGivenUp()
    {
        using HubStub stub = HubStub.WithModel();
        stub.Change = (request, reply) =>
            IsLarge(request) ? new StubReply(200, stub.Files[Large]) { BreakAfter = 1000 } : reply;
        using var run = new PullRun(stub);
        await Assert.ThrowsAsync<HubException>(() => run.ToFolderAsync());
        Assert.Equal(6, stub.Requests.Count(IsLarge));
    }

    [Fact]
    public async Task CancellingKeepsWhatCame()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        using var cancellation = new CancellationTokenSource();
        var never = new TaskCompletionSource();
        stub.Change = (request, reply) =>
            IsLarge(request) && request.From is null ? reply with { BreakAfter = 5000 }
            : IsLarge(request) ? reply with { Until = never.Task }
            : reply;
        Task<CliResult> pull = run.ToFolderAsync(cancellation.Token);
        Waiting.Until(() => stub.Requests.Any(request => request.From == 5000));
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        Assert.Equal(5000, new FileInfo(Path.Combine(run.Folder, Large + ".part")).Length);

        stub.Change = (_, reply) => reply;
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(5000, stub.Requests.Last(IsLarge).From);
    }

    [Fact]
    public async Task AServerThatFallsSilentIsAskedAgain()
    {
        using HubStub stub = HubStub.WithModel();
        var never = new TaskCompletionSource();
        bool isFirst = true;
        stub.Change = (request, reply) =>
        {
            bool isSilent = IsLarge(request) && isFirst;
            isFirst &= !isSilent;
            return isSilent ? reply with { Until = never.Task } : reply;
        };
        using var run = new PullRun(stub) { Patience = TimeSpan.FromSeconds(1) };
        await run.ToFolderAsync();
        run.MustBeWhole();
        Assert.Equal(2, stub.Requests.Count(IsLarge));
    }

    [Fact]
    public async Task TwoPullsDoNotWriteOneFile()
    {
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        Directory.CreateDirectory(run.Folder);
        using FileStream other = new(
            Path.Combine(run.Folder, "config.json.part"),
            FileMode.Create,
            FileAccess.ReadWrite,
            FileShare.ReadWrite
        );
        IOException e = await Assert.ThrowsAsync<IOException>(() => run.ToFolderAsync());
        Assert.Contains("config.json.part", e.Message, StringComparison.Ordinal);
        Assert.Contains("another process", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFullDiskIsSaidAndNotTriedAgain()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "The system has no device that is full.");
        using HubStub stub = HubStub.WithModel();
        using var run = new PullRun(stub);
        Directory.CreateDirectory(run.Folder);
        File.CreateSymbolicLink(Path.Combine(run.Folder, Large + ".part"), "/dev/full");
        IOException e = await Assert.ThrowsAsync<IOException>(() => run.ToFolderAsync());
        Assert.Contains("No space left on device", e.Message, StringComparison.Ordinal);
        Assert.Contains(Large, e.Message, StringComparison.Ordinal);
        Assert.Equal(1, stub.Requests.Count(IsLarge));
    }

    private static bool IsLarge(StubRequest request) => request.Path == $"/storage/{Large}";

    private static async Task LeaveAsync(PullRun run, byte[] part)
    {
        Directory.CreateDirectory(run.Folder);
        await File.WriteAllBytesAsync(Path.Combine(run.Folder, Large + ".part"), part);
    }
}
