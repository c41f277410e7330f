using Hadal.Caching;

namespace Hadal.Model;

/// <content>Drafts beyond the predictor's first.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>
    /// Runs the predictor on its own last guess: in place of the main model's hidden state of a token that was not computed, it
    /// takes its own, after its norm. The token goes into the sequence with the predictor's part of the cache alone: truncate the
    /// sequence before the next <see cref="Forward"/>.
    /// </summary>
    /// <param name="batch">
    /// The batch of the last <see cref="Draft"/> or call of this, cleared, with one token of each sequence that goes on: the one
    /// that was guessed for it.
    /// </param>
    /// <param name="rows">For each, the row of the last logits by which it was guessed.</param>
    /// <returns>[sequences, vocabulary], in the order of the batch; valid until its next step.</returns>
    /// <exception cref="CacheFullException">The cache has not enough free pages; nothing was written.</exception>
    internal Logits DraftNext(StepBatch batch, ReadOnlySpan<int> rows)
    {
        Enter(batch);
        try
        {
            batch.BeginStep();
            bool isDone = false;
            try
            {
                Step step = batch.Step;
                step.Recycle(rows);
                batch.Place();
                _predictor!.Forward(step, step.Inputs);
                step.Head(_predictor.Norm, Config.RmsNormEps, _predictor.Head, rows.Length);
                Logits logits = step.ReadLogits(rows.Length);
                isDone = true;
                return logits;
            }
            finally
            {
                End(batch, isDone);
            }
        }
        finally
        {
            Exit(batch);
        }
    }
}
