using System.Collections.Concurrent;
using System.Diagnostics;
using Hadal.Load.Plans;
using Hadal.Load.Streams;

namespace Hadal.Load.Running;

/// <summary>Carries a plan out: each of so many clients sends one request after another.</summary>
internal sealed class LoadRun(LoadPlan plan) : IDisposable
{
    /// <summary>What an answer is taken to last until one was seen.</summary>
    private static readonly TimeSpan s_firstGuess = TimeSpan.FromMilliseconds(500);

    private readonly StreamClient _client = new(plan);
    private readonly RequestBodies _bodies = new(plan);
    private readonly int[] _outcomes = new int[Enum.GetValues<StreamOutcome>().Length];
    private readonly ConcurrentDictionary<string, int> _messages = new();
    private readonly ConcurrentQueue<(int Index, StreamResult Result)> _compared = new();
    private readonly Samples _firstToken = new();
    private readonly Samples _between = new();
    private readonly Samples _total = new();
    private int _next = -1;
    private int _leftBeforeText;
    private long _tokens;
    private long _typicalTicks = s_firstGuess.Ticks;

    /// <summary>Is told of each request that ended.</summary>
    public Action? Progress { get; init; }

    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HadalException">The server's process is not there.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<LoadReport> RunAsync(CancellationToken cancellationToken)
    {
        using Process? server = Server();
        TimeSpan own = Environment.CpuUsage.TotalTime;
        TimeSpan? serversOwn = server?.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(
                Enumerable
                    .Range(0, plan.Connections)
                    .Select(_ => Task.Run(() => ClientAsync(start, cancellationToken)))
            )
            .ConfigureAwait(false);
        TimeSpan wall = Stopwatch.GetElapsedTime(start);
        own = Environment.CpuUsage.TotalTime - own;
        server?.Refresh();
        serversOwn = server?.TotalProcessorTime - serversOwn;
        IReadOnlyList<string> differing = await CompareAsync(cancellationToken)
            .ConfigureAwait(false);
        return new LoadReport
        {
            Connections = plan.Connections,
            Outcomes = Enum.GetValues<StreamOutcome>()
                .ToDictionary(outcome => outcome, outcome => _outcomes[(int)outcome]),
            LeftBeforeText = _leftBeforeText,
            Messages = _messages,
            Compared = _compared.Count,
            Differing = differing,
            Tokens = _tokens,
            Wall = wall,
            OwnProcessor = own,
            ServerProcessor = serversOwn,
            FirstToken = _firstToken,
            BetweenTokens = _between,
            Total = _total,
        };
    }

    public void Dispose() => _client.Dispose();

    private Process? Server()
    {
        try
        {
            return plan.ServerProcess is { } id ? Process.GetProcessById(id) : null;
        }
        catch (ArgumentException e)
        {
            throw new HadalException($"There is no process {plan.ServerProcess}", e);
        }
    }

    private async Task ClientAsync(long start, CancellationToken cancellationToken)
    {
        while (plan.Duration is not { } time || Stopwatch.GetElapsedTime(start) < time)
        {
            int index = Interlocked.Increment(ref _next);
            if (index >= plan.Requests)
                return;
            PlannedRequest request = plan.Request(index);
            StreamResult result = await _client
                .SendAsync(
                    _bodies.Write(index),
                    request.Leaving,
                    request.Moment * TimeSpan.FromTicks(Interlocked.Read(ref _typicalTicks)),
                    1 + (int)(request.Moment * plan.MaxTokens),
                    new AnswerReading(_between, request.IsCompared),
                    cancellationToken
                )
                .ConfigureAwait(false);
            Count(request, result);
            Progress?.Invoke();
        }
    }

    private void Count(PlannedRequest request, StreamResult result)
    {
        Interlocked.Increment(ref _outcomes[(int)result.Outcome]);
        Interlocked.Add(ref _tokens, result.Tokens);
        if (result.Message.Length > 0)
            _messages.AddOrUpdate(result.Message, 1, static (_, count) => count + 1);
        if (result.FirstToken is { } first)
            _firstToken.Add(first.TotalMilliseconds);
        switch (result.Outcome)
        {
            case StreamOutcome.Ok:
                _total.Add(result.Total.TotalMilliseconds);
                // A moving mean: what those that come last take is not what the first took.
                long typical = Interlocked.Read(ref _typicalTicks);
                Interlocked.Add(ref _typicalTicks, (result.Total.Ticks - typical) / 8);
                break;
            case StreamOutcome.Disconnected or StreamOutcome.Cancelled:
                if (result.FirstToken is null)
                    Interlocked.Increment(ref _leftBeforeText);
                break;
            default:
                return;
        }
        if (request.IsCompared)
            _compared.Enqueue((request.Index, result));
    }

    /// <summary>Asks again for each answer that is compared, one at a time.</summary>
    private async Task<IReadOnlyList<string>> CompareAsync(CancellationToken cancellationToken)
    {
        List<string> differing = [];
        foreach ((int index, StreamResult together) in _compared)
        {
            StreamResult alone = await _client
                .SendAsync(
                    _bodies.Write(index, salt: $"alone {index}"),
                    Leaving.Never,
                    TimeSpan.Zero,
                    0,
                    new AnswerReading(new Samples(), keepsText: true),
                    cancellationToken
                )
                .ConfigureAwait(false);
            if (Difference(together, alone) is { } difference)
                differing.Add($"request {index}: {difference}");
        }
        return differing;
    }

    /// <summary>Null where the answer alone is the same, or goes on from where the client left.</summary>
    private static string? Difference(StreamResult together, StreamResult alone)
    {
        if (alone.Outcome != StreamOutcome.Ok)
            return $"alone it ended as {alone.Outcome}: {alone.Message}";
        int equal = together.Text!.AsSpan().CommonPrefixLength(alone.Text);
        if (equal < together.Text!.Length)
            return $"the texts differ from character {equal} on";
        if (together.Outcome != StreamOutcome.Ok)
            return null;
        return
            (equal, together.Tokens, together.FinishReason)
            == (alone.Text!.Length, alone.Tokens, alone.FinishReason)
            ? null
            : $"{together.Tokens} tokens and {together.FinishReason}, alone {alone.Tokens} and {alone.FinishReason}";
    }
}
