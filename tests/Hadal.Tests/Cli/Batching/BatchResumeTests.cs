using System.Diagnostics;

namespace Hadal.Tests.Cli.Batching;

/// <summary>Batches that are broken off and go on.</summary>
public sealed class BatchResumeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_was_cut_off_is_answered_again_and_nothing_else()
    {
        using var batch = new Batch(Batch.Requests(8, 3));
        Assert.Equal(0, (await batch.RunAsync()).Status);
        string[] expected = batch.Comparable();
        byte[] whole = await File.ReadAllBytesAsync(batch.Output);
        int[] ends = [.. Enumerable.Range(0, whole.Length).Where(i => whole[i] == '\n')];
        // Within lines, and on either side of a line's end.
        int[] cuts = [0, 1, ends[0], ends[0] + 1, ends[3] + 40, ends[^1], whole.Length];
        foreach (int cut in cuts)
        {
            await File.WriteAllBytesAsync(batch.Output, whole[..cut]);
            CliResult result = await batch.RunAsync();
            int kept = ends.Count(end => end < cut);
            Assert.Equal(0, result.Status);
            Assert.EndsWith($", {kept} done before\n", result.Error, StringComparison.Ordinal);
            Assert.Equal(expected, batch.Comparable());
            int same = kept == 0 ? 0 : ends[kept - 1] + 1;
            Assert.Equal(whole[..same], (await File.ReadAllBytesAsync(batch.Output))[..same]);
        }
    }

    [Theory]
    [InlineData("KILL", 137)]
    [InlineData("INT", 130)]
    public async Task Batch_that_is_ended_goes_on(string signal, int status)
    {
        // The last ones take long enough to be under way.
        string[] lines =
        [
            .. Batch.Requests(40, 4),
            .. Enumerable.Range(0, 8).Select(i => Batch.Completion($"long{i}", i, 300)),
        ];
        using var alone = new Batch(lines);
        Assert.Equal(0, (await alone.RunAsync()).Status);
        using var batch = new Batch(lines);
        using Process process = ToolProcess.Start(
            $"exec {ToolProcess.Hadal} batch '{batch.Input}' '{batch.Output}' --threads 2 --max-concurrent 4"
        );
        while (!File.Exists(batch.Output) || batch.Lines().Length < 10)
            await Task.Delay(5, Cancellation);
        (await batch.RunAsync()).MustRefuse(1, batch.Output, "another process");
        using (Process kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]))
            await kill.WaitForExitAsync(Cancellation);
        CliResult ended = await ToolProcess.EndAsync(process);
        Assert.Equal(status, ended.Status);
        if (signal == "INT")
            Assert.Contains("goes on with the rest", ended.Error, StringComparison.Ordinal);
        int before = batch.Lines().Length;
        Assert.InRange(before, 10, lines.Length - 1);

        CliResult result = await batch.RunAsync();
        Assert.Equal(0, result.Status);
        Assert.EndsWith($", {before} done before\n", result.Error, StringComparison.Ordinal);
        Assert.Equal(alone.Comparable(), batch.Comparable());
    }
}
