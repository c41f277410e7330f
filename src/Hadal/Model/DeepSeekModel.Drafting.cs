using Hadal.Caching;

namespace Hadal.Model;

/// <content>The multi-token predictor.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>
    /// Runs the multi-token predictor on the tokens of the step just made: it guesses the token after the next, and keeps
    /// its own part of the cache.
    /// </summary>
    /// <param name="batch">A batch after its <see cref="Forward"/>, unchanged.</param>
    /// <param name="nextTokens">For each token of the batch, the one that follows it.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    /// <returns>[logit rows, vocabulary], in the order of the batch; valid until its next step.</returns>
    /// <exception cref="InvalidOperationException">
    /// There is no predictor, or the batch was not run, or was cleared or drafted from since, or a sequence was changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model, the batch, the cache or a sequence was disposed.</exception>
    public Logits Draft(
        StepBatch batch,
        ReadOnlySpan<int> nextTokens,
        CancellationToken cancellationToken = default
    )
    {
        Enter(batch);
        try
        {
            if (_predictor is null)
                throw new InvalidOperationException(
                    $"The model has no predictor; see {nameof(ModelOptions)}.{nameof(ModelOptions.LoadPredictor)}"
                );
            if (!batch.IsDraftable)
                throw new InvalidOperationException(
                    "The batch must have been run, and neither cleared nor drafted from since"
                );
            if (nextTokens.Length != batch.TokenCount)
                throw new ArgumentException(
                    $"there are {nextTokens.Length} tokens, but the batch has {batch.TokenCount}",
                    nameof(nextTokens)
                );
            batch.CheckTokens(nextTokens, nameof(nextTokens));
            batch.ThrowIfChanged();
            cancellationToken.ThrowIfCancellationRequested();
            Step step = batch.Step;
            batch.Cache.BeginStep();
            batch.IsDraftable = false;
            try
            {
                fixed (int* ids = nextTokens)
                    step.Kernels.CopyToDevice(
                        step.Inputs,
                        ids,
                        sizeof(int) * (long)nextTokens.Length
                    );
                RunPredictor(step, batch.LogitRowCount);
                return step.ReadLogits(batch.LogitRowCount);
            }
            finally
            {
                step.Kernels.Settle();
                batch.Cache.EndStep();
            }
        }
        finally
        {
            Exit(batch);
        }
    }

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

    private void RunPredictor(Step step, int logitRows)
    {
        // h is the residual stream after the final norm.
        Workspace w = step.Workspace;
        step.Kernels.AddNorm(w.X, w.Residual, _norm, Config.RmsNormEps, w.X);
        _predictor!.Forward(step, step.Inputs);
        if (logitRows > 0)
            step.Head(_predictor.Norm, Config.RmsNormEps, _predictor.Head, logitRows);
    }
}
