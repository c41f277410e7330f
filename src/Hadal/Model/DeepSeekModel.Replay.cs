using Hadal.Bindings;

namespace Hadal.Model;

/// <content>Decode steps that are recorded once and replayed.</content>
public sealed partial class DeepSeekModel
{
    /// <summary>
    /// Whether the step is one that comes again and again, on a device that records. A trace and a recorder of selections look at
    /// each layer, which a replayed step doesn't show.
    /// </summary>
    private bool CanReplay(StepBatch batch) =>
        Device.RecordsSteps
        && batch.Trace is null
        && !batch.Step.Selections.IsWatching
        && batch.IsDecode;

    /// <summary>Launches the step as recorded for as many sequences and as wide a block table, recording it the first time.</summary>
    private void Replay(StepBatch batch, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        GraphHandle? recorded = batch.Recorded.Find(batch.SequenceCount, batch.TablePages);
        if (recorded is null)
        {
            recorded = Record(batch.Step, batch.LogitRowCount);
            batch.Recorded.Add(batch.SequenceCount, batch.TablePages, recorded);
        }
        batch.Step.Kernels.Launch(recorded);
    }

    private GraphHandle Record(Step step, int logitRows) =>
        step.Kernels.Record(() => Run(step, logitRows, CancellationToken.None));
}
