using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Inference;

/// <summary>
/// Guesses what follows texts, with the model's predictor: the first guess by the hidden states of the step, others by its own.
/// A guess that fails to be made costs time later, and nothing else.
/// </summary>
/// <param name="batch">The batch of all steps.</param>
/// <param name="telemetry">Is told where none could be made.</param>
internal sealed class Drafter(StepBatch batch, EngineTelemetry telemetry)
{
    private readonly int[] _next = new int[batch.Model.Options.MaxStepTokens];
    private readonly int[] _rows = new int[batch.Model.Options.MaxSequences];
    private readonly List<TextChoice> _texts = [];

    /// <summary>
    /// Runs the predictor on all tokens of the step, so that its part of the cache has no gap, and makes the first guesses.
    /// </summary>
    /// <param name="step">The step just made, its tokens drawn and its sequences unchanged.</param>
    /// <param name="runs">Whether it runs; else the texts of the step get no guesses any more.</param>
    /// <param name="count">Guesses for a text.</param>
    public void Begin(ReadOnlySpan<Allotment> step, bool runs, int count)
    {
        if (!runs)
        {
            foreach (Allotment allotment in step)
            {
                allotment.Text.Drafts.Clear();
                allotment.Text.Drafts.IsFed = false;
            }
            return;
        }
        int at = 0;
        foreach (Allotment allotment in step)
        {
            TextChoice text = allotment.Text;
            text.Drafts.Clear();
            ReadOnlySpan<int> tokens = text.Tokens;
            int first = text.Sequence!.Length - allotment.Count;
            // Nothing follows a draft that was wrong; its place in the cache is not kept.
            for (int i = first + 1; i <= first + allotment.Count; i++)
                _next[at++] = i < tokens.Length ? tokens[i] : 0;
        }
        try
        {
            Logits logits = batch.Model.Draft(batch, _next.AsSpan(0, at));
            foreach (Allotment allotment in step)
            {
                TextChoice text = allotment.Text;
                // The last token that may come is never a guess: it would save no step.
                text.Drafts.Wanted =
                    text.Drafts.Row < 0 || text.Request.IsAborted || !text.Drafts.IsFed
                        ? 0
                        : Math.Min(count, text.Stop.TokensLeft - 1);
                if (text.Drafts.Wanted > 0)
                    text.Drafts.Add(Best(logits[text.Drafts.Row]));
            }
        }
        catch (Exception e)
        {
            Fail(step, e);
        }
    }

    /// <summary>Makes the guesses after the first, where the cache has room for them.</summary>
    /// <param name="step">The step, whose sequences hold their texts' tokens alone.</param>
    /// <param name="count">Guesses for a text.</param>
    /// <returns>How often the predictor ran.</returns>
    public int GoOn(ReadOnlySpan<Allotment> step, int count)
    {
        int passes = 0;
        try
        {
            for (int made = 1; made < count && Collect(step, made) > 0; made++)
            {
                passes++;
                Logits logits = batch.Model.DraftNext(batch, _rows.AsSpan(0, _texts.Count));
                for (int i = 0; i < _texts.Count; i++)
                {
                    _texts[i].Drafts.Row = i;
                    _texts[i].Drafts.Add(Best(logits[i]));
                }
            }
        }
        catch (Exception e)
        {
            Fail(step, e);
        }
        finally
        {
            foreach (Allotment allotment in step)
            {
                if (!allotment.Text.Request.IsAborted)
                    allotment.Text.DropDrafts();
            }
        }
        return passes;
    }

    // Puts the last guesses of the texts that want another into the batch.
    private int Collect(ReadOnlySpan<Allotment> step, int made)
    {
        batch.Clear();
        _texts.Clear();
        int pages = batch.Cache.AvailablePages;
        foreach (Allotment allotment in step)
        {
            TextChoice text = allotment.Text;
            DraftState drafts = text.Drafts;
            if (drafts.Wanted <= made || drafts.Count < made || text.Request.IsAborted)
                continue;
            pages -= text.Sequence!.MissingPages(1);
            if (pages < 0)
                break;
            batch.Add(text.Sequence, drafts.Tokens[^1..], RowKind.Decode);
            _rows[_texts.Count] = drafts.Row;
            _texts.Add(text);
        }
        return _texts.Count;
    }

    private static int Best(ReadOnlySpan<float> logits) =>
        LogitScan.IndexOf(logits, LogitScan.Max(logits));

    private void Fail(ReadOnlySpan<Allotment> step, Exception error)
    {
        telemetry.FailDrafts(error);
        foreach (Allotment allotment in step)
            allotment.Text.Drafts.Clear();
    }
}
