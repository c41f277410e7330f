using System.Runtime.CompilerServices;
using Hadal.Bindings;
using Hadal.Caching;

namespace Hadal.Model;

/// <content>Decode steps that are recorded once and replayed.</content>
public sealed unsafe partial class DeepSeekModel
{
    private readonly ConditionalWeakTable<PagedCache, RecordedSteps> _recorded = [];

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
        RecordedSteps steps = RecordedOver(cache);
        GraphHandle? step = steps.Find(batch.SequenceCount, batch.TablePages);
        if (step is null)
        {
            step = Record(batch.LogitRowCount);
            steps.Add(batch.SequenceCount, batch.TablePages, step);
        }
        _kernels.Launch(step);
    }

    /// <summary>The steps recorded over a cache's memory.</summary>
    internal RecordedSteps RecordedOver(PagedCache cache) =>
        _recorded.GetValue(cache, static cache => new RecordedSteps(cache));

    private GraphHandle Record(int logitRows) =>
        _kernels.Record(() => Run(logitRows, CancellationToken.None));
}
