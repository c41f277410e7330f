using Hadal.Bindings;
using Hadal.Caching;

namespace Hadal.Model;

/// <content>Decode steps that are recorded once and replayed.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>
    /// Whether the step is one that comes again and again: a token of each sequence, on a device that records. A trace
    /// looks at each layer, which a replayed step doesn't show.
    /// </summary>
    private bool CanReplay(StepBatch batch) =>
        Device.RecordsSteps
        && Trace is null
        && batch.TokenCount == batch.SequenceCount
        && batch.LogitRowCount == batch.TokenCount;

    /// <summary>Launches the step as recorded for as many sequences and as wide a block table, recording it the first time.</summary>
    private void Replay(StepBatch batch, PagedCache cache, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        (int, int) shape = (batch.SequenceCount, batch.TablePages);
        if (!cache.DecodeSteps.TryGetValue(shape, out GraphHandle? step))
        {
            step = Record(batch.LogitRowCount);
            cache.DecodeSteps.Add(shape, step);
        }
        _kernels.Launch(step);
    }

    private GraphHandle Record(int logitRows) =>
        _kernels.Record(() => Run(logitRows, CancellationToken.None));
}
