using Hadal.Checkpoints;
using Hadal.Cli;
using Hadal.Cli.Benchmarking;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Load.Turns;

/// <summary>An engine in this process, without HTTP.</summary>
internal sealed class EngineContender(
    string folder,
    int threads,
    int mostConnections,
    int promptTokens,
    int generatedTokens,
    int requests
) : Contender("engine")
{
    private Device? _device;
    private DeepSeekModel? _model;
    private ServeSweep? _sweep;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder, cancellationToken: cancellationToken);
        _device = Device.Cpu(threads);
        _model = DeepSeekModel.Load(
            checkpoint,
            _device,
            new ModelOptions
            {
                MaxContextTokens = promptTokens + generatedTokens,
                MaxSequences = mostConnections,
                MaxLogitRows = mostConnections,
            },
            cancellationToken: cancellationToken
        );
        _sweep = new ServeSweep(_model, DeepSeekTokenizer.Load(folder))
        {
            PromptTokens = promptTokens,
            GeneratedTokens = generatedTokens,
            Requests = requests,
            Drafts = 0,
        };
        return Task.CompletedTask;
    }

    public override async Task<TurnCost> MeasureAsync(
        int connections,
        int turn,
        CancellationToken cancellationToken
    )
    {
        TimeSpan start = Environment.CpuUsage.TotalTime;
        ServeCost cost = await _sweep!
            .MeasureAsync(connections, 0, cancellationToken)
            .ConfigureAwait(false);
        return new TurnCost(
            cost.TokensPerSecond,
            cost.FirstToken.TotalMilliseconds,
            double.NaN,
            cost.Median.TotalMilliseconds,
            cost.Slowest.TotalMilliseconds,
            (Environment.CpuUsage.TotalTime - start).TotalMilliseconds
                / ((double)connections * requests * generatedTokens),
            double.NaN
        );
    }

    public override ValueTask DisposeAsync()
    {
        _model?.Dispose();
        _device?.Dispose();
        return ValueTask.CompletedTask;
    }
}
