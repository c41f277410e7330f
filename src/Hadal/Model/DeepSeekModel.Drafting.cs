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
            cancellationToken.ThrowIfCancellationRequested();
            BeginDraft(batch, nextTokens);
            try
            {
                RunPredictor(batch.Step, batch.LogitRowCount);
                return batch.Step.ReadLogits(batch.LogitRowCount);
            }
            finally
            {
                EndDraft(batch);
            }
        }
        finally
        {
            Exit(batch);
        }
    }

    /// <summary>
    /// <see cref="Draft"/> for the most probable tokens: those after the
    /// last token that is kept of each sequence. From the second on the predictor takes its own output, after its norm, for
    /// the main model's hidden state, and the token before for the next one; what it caches for these is written over by the
    /// steps that follow.
    /// </summary>
    /// <param name="batch">A batch after its <see cref="Forward"/>, unchanged.</param>
    /// <param name="nextTokens">For each token of the batch, the one that follows it; anything for those not kept.</param>
    /// <param name="plans">
    /// For each sequence of the batch what is wanted; what was made is left there: less where the context ends, the cache has
    /// no page free, or the batch no row of logits.
    /// </param>
    /// <param name="drafts">[sequences, <paramref name="stride"/>]: the tokens, in order.</param>
    /// <param name="stride">The most tokens of a sequence.</param>
    /// <exception cref="InvalidOperationException">As <see cref="Draft"/>.</exception>
    /// <exception cref="ObjectDisposedException">The model, the batch, the cache or a sequence was disposed.</exception>
    internal void DraftTokens(
        StepBatch batch,
        ReadOnlySpan<int> nextTokens,
        Span<DraftPlan> plans,
        Span<int> drafts,
        int stride
    )
    {
        Enter(batch);
        try
        {
            BeginDraft(batch, nextTokens);
            try
            {
                int rows = batch.PlaceFirstDrafts(plans);
                RunPredictor(batch.Step, rows);
                for (int draft = 0; rows > 0; draft++)
                {
                    Logits logits = batch.Step.ReadLogits(rows);
                    for (int sequence = 0, row = 0; sequence < plans.Length; sequence++)
                    {
                        if (plans[sequence].Count > draft)
                            drafts[sequence * stride + draft] = logits.Best(row++);
                    }
                    rows = batch.PlaceNextDrafts(plans, drafts, stride, draft + 1);
                    if (rows == 0)
                        break;
                    batch.Step.Recycle(rows);
                    _predictor!.Forward(batch.Step, batch.Step.Inputs);
                    PredictorHead(batch.Step, rows);
                }
            }
            finally
            {
                EndDraft(batch);
            }
        }
        finally
        {
            Exit(batch);
        }
    }

    private void BeginDraft(StepBatch batch, ReadOnlySpan<int> nextTokens)
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
        batch.BeginDraft();
        fixed (int* ids = nextTokens)
            batch.Step.Kernels.CopyToDevice(
                batch.Step.Inputs,
                ids,
                sizeof(int) * (long)nextTokens.Length
            );
    }

    private static void EndDraft(StepBatch batch)
    {
        batch.Step.Kernels.Settle();
        batch.EndDraft();
    }

    private void RunPredictor(Step step, int logitRows)
    {
        // h is the residual stream after the final norm.
        Workspace w = step.Workspace;
        step.Kernels.AddNorm(w.X, w.Residual, _norm, Config.RmsNormEps, w.X);
        _predictor!.Forward(step, step.Inputs);
        if (logitRows > 0)
            PredictorHead(step, logitRows);
    }

    private void PredictorHead(Step step, int logitRows) =>
        step.Head(_predictor!.Norm, Config.RmsNormEps, _predictor.Head, logitRows);
}
