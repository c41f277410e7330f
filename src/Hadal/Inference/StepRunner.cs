using CommunityToolkit.HighPerformance.Buffers;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Inference;

/// <summary>Runs a step as it was shared out, and gives each text the tokens that come of it.</summary>
/// <param name="batch">The batch of all steps.</param>
/// <param name="tokenizer">Tells the tokens' bytes.</param>
/// <param name="prefixes">Where full pages are published.</param>
/// <param name="policy">Chooses how many tokens are guessed ahead of each text.</param>
/// <param name="clock">Times the steps.</param>
/// <param name="telemetry">Is told of tokens, and of steps that fail.</param>
internal sealed class StepRunner(
    StepBatch batch,
    DeepSeekTokenizer tokenizer,
    SharedPrefixes prefixes,
    DraftPolicy policy,
    TimeProvider clock,
    EngineTelemetry telemetry
) : IDisposable
{
    private readonly LogProbabilities _logProbs = new(batch.Model.Config.VocabSize);
    private readonly GrammarMask _mask = new(batch.Model.Config.VocabSize);
    private readonly Drafter _drafter = new(batch, telemetry);
    private readonly ArrayPoolBufferWriter<char> _decoded = new();
    private readonly ArrayPoolBufferWriter<char> _text = new();

    /// <summary>Makes the step. A text that ended with it keeps its place for the moment.</summary>
    /// <param name="step">What each text gets.</param>
    /// <param name="unwanted">Is cancelled when nobody wants it any more; then it comes to nothing.</param>
    public void Run(ReadOnlySpan<Allotment> step, CancellationToken unwanted)
    {
        try
        {
            Forward(step, unwanted);
        }
        catch (OperationCanceledException) when (unwanted.IsCancellationRequested) { }
        catch (Exception e)
        {
            telemetry.FailStep(e);
            RunEachAlone(step, e, unwanted);
        }
    }

    /// <summary>Ends a text early, and hands out what was held back.</summary>
    public void Complete(TextChoice text, FinishReason reason)
    {
        _text.Clear();
        text.Complete(reason, _decoded, _text);
        text.Request.Stream.Write(
            new StreamedToken(-1, text.Index, reason, null),
            _text.WrittenSpan
        );
    }

    public void Dispose()
    {
        _decoded.Dispose();
        _text.Dispose();
    }

    /// <summary>After a step that came to nothing, to tell whose tokens it was: the others' bits are the same alone.</summary>
    private void RunEachAlone(
        ReadOnlySpan<Allotment> step,
        Exception error,
        CancellationToken unwanted
    )
    {
        for (int i = 0; i < step.Length; i++)
        {
            if (step[i].Text.Request.IsAborted)
                continue;
            try
            {
                if (step.Length == 1)
                    throw new StepFailedException(error);
                Forward(step.Slice(i, 1), unwanted);
            }
            catch (OperationCanceledException) when (unwanted.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                step[i].Text.Request.Fail(e as StepFailedException ?? new StepFailedException(e));
            }
        }
    }

    private void Forward(ReadOnlySpan<Allotment> step, CancellationToken unwanted)
    {
        batch.Clear();
        foreach (Allotment allotment in step)
        {
            allotment.AddTo(batch);
            batch.RecordSelections(allotment.SelectedRows);
        }
        long start = clock.GetTimestamp();
        Logits logits = batch.Model.Forward(batch, unwanted);
        double forward = clock.GetElapsedTime(start).TotalSeconds;
        int rows = batch.TokenCount;
        (int before, bool isDecoding) = (0, true);
        foreach (Allotment allotment in step)
        {
            before += allotment.Text.Tokens.Length;
            isDecoding &=
                allotment.Count == 1 + allotment.Drafts
                && allotment.Text.Sequence!.Length >= allotment.Text.Tokens.Length;
        }
        int row = 0;
        foreach (Allotment allotment in step)
        {
            Accept(allotment, logits, row);
            row += allotment.Rows;
        }
        int tokens = -before;
        int writing = 0;
        foreach (Allotment allotment in step)
        {
            tokens += allotment.Text.Tokens.Length;
            writing += allotment.Text.Drafts.Row >= 0 ? 1 : 0;
        }
        // The predictor writes to the pages, so that they are not published before.
        int drafts = policy.Choose(writing);
        start = clock.GetTimestamp();
        _drafter.Begin(step, policy.IsOn, drafts);
        double first = clock.GetElapsedTime(start).TotalSeconds;
        foreach (Allotment allotment in step)
            Settle(allotment.Text);
        start = clock.GetTimestamp();
        int passes = _drafter.GoOn(step, drafts);
        double next = clock.GetElapsedTime(start).TotalSeconds;
        policy.AddStep(isDecoding ? step.Length : 0, rows, tokens, forward, first, next, passes);
    }

    private void Accept(Allotment allotment, Logits logits, int row)
    {
        TextChoice text = allotment.Text;
        text.Drafts.Row = -1;
        if (text.Request.IsAborted)
            return;
        try
        {
            int after = text.Sequence!.Length;
            if (allotment.Drafts > 0)
            {
                Verify(text, allotment.Drafts, logits, row);
                return;
            }
            if (allotment.Logits == LogitRows.All)
                AcceptPrompt(text, after - allotment.Count, logits, row, allotment.Count);
            if (after != text.Tokens.Length)
                return;
            Accept(text, logits, row + allotment.Rows - 1);
            text.Drafts.AddStep(0, 0);
        }
        catch (Exception e)
        {
            Fail(text, e);
        }
    }

    // Tokens from a position of the prompt on have rows, each of which foretells the next.
    private void AcceptPrompt(TextChoice text, int position, Logits logits, int row, int count)
    {
        InferenceRequest request = text.Request;
        int end = Math.Min(position + count + 1, request.PromptLength);
        for (int token = request.ForetoldTokens; token < end; token++)
        {
            ReadOnlySpan<float> own = logits[row + token - position - 1];
            request.AddPromptLogProbs(
                _logProbs.Of(own, text.Tokens[token], request.Options.PromptLogProbs!.Value)
            );
        }
    }

    // Draws by the rows in order, as without drafts, up to the first whose token is not the draft that the next row is of.
    private void Verify(TextChoice text, int count, Logits logits, int row)
    {
        int right = 0;
        while (
            Accept(text, logits, row + right) == text.Drafts.Tokens[right]
            && text.Stop.FinishReason is null
        )
        {
            if (++right < count)
                continue;
            Accept(text, logits, row + right);
            break;
        }
        text.Drafts.AddStep(count, right);
        policy.AddGuesses(count, right);
        telemetry.AddDrafts(count, right);
    }

    /// <summary>Draws a text's next token.</summary>
    private int Accept(TextChoice text, Logits logits, int row)
    {
        InferenceRequest request = text.Request;
        int token = text.Matcher is { } matcher
            ? text.Sampler.Sample(logits[row], [], _mask.Of(matcher, text.Stop))
            : text.Sampler.Sample(logits[row], text.Stop.RuledOut, []);
        TokenLogProbs? logProbs = request.Options.LogProbs is { } top
            ? _logProbs.Of(logits[row], token, top)
            : null;
        TokenSelection? selection = text.WantsSelection ? batch.SelectionOf(row) : null;
        _text.Clear();
        text.Append(token, tokenizer, _decoded, _text);
        text.Drafts.Row = row;
        telemetry.AddToken(request.Times.AddToken());
        request.Stream.Write(
            new StreamedToken(token, text.Index, text.Stop.FinishReason, logProbs)
            {
                Selection = selection,
            },
            _text.WrittenSpan
        );
        return token;
    }

    // Leaves the text's own tokens in the cache, and publishes them.
    private void Settle(TextChoice text)
    {
        // A reader that has left may have had all that it wanted.
        if (text.Request.Error is not (null or OperationCanceledException))
            return;
        try
        {
            text.DropDrafts();
            prefixes.Publish(text);
        }
        catch (Exception e)
        {
            Fail(text, e);
        }
    }

    private static void Fail(TextChoice text, Exception error) =>
        text.Request.Fail(error as HadalException ?? new StepFailedException(error));
}
