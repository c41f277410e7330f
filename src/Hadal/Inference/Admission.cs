using Hadal.Caching;

namespace Hadal.Inference;

/// <summary>
/// Lets waiting texts begin: in their order, where there is room for all tokens that they have so far beside those of the texts
/// that run. One without room is passed over by later ones, but only so often. One whose next page another computes waits for
/// it.
/// </summary>
/// <param name="queue">The texts that wait.</param>
/// <param name="running">The texts that run.</param>
/// <param name="prefixes">What texts share.</param>
/// <param name="cache">Where they get their places.</param>
/// <param name="mostRunning">How many may run.</param>
internal sealed class Admission(
    RequestQueue queue,
    RunningTexts running,
    SharedPrefixes prefixes,
    PagedCache cache,
    int mostRunning
)
{
    /// <summary>As many may pass a text over; then it is the next.</summary>
    private const int MostPassedOver = 16;

    /// <summary>As many without room are looked at in a step.</summary>
    private const int MostBlocked = 8;

    /// <summary>Admits what can be. The caller's thread is the step loop's.</summary>
    public void Admit()
    {
        lock (queue.Changes)
        {
            int blocked = 0;
            for (int i = 0; i < queue.Count && running.Count < mostRunning; )
            {
                TextChoice text = queue[i];
                WaitingState waiting = text.Waiting;
                if (TryAdmit(text))
                {
                    queue.TakeAt(i);
                    text.HasRun = true;
                    waiting.Clear();
                    for (int earlier = 0; earlier < i; earlier++)
                    {
                        if (queue[earlier].Waiting.IsBlocked)
                            queue[earlier].Waiting.PassedOver++;
                    }
                    continue;
                }
                if (
                    waiting.IsBlocked
                    && (++blocked == MostBlocked || waiting.PassedOver >= MostPassedOver)
                )
                    return;
                i++;
            }
        }
    }

    private bool TryAdmit(TextChoice text)
    {
        WaitingState waiting = text.Waiting;
        if (waiting.IsBlocked && running.Count > 0 && waiting.BlockedAt == running.Removals)
            return false;
        waiting.IsBlocked = false;
        if (prefixes.AreComputed(text, running))
            return false;
        CachedSequence sequence = cache.CreateSequence();
        int cached = prefixes.Attach(text, sequence);
        int missing = sequence.MissingPages(text.Tokens.Length - cached);
        if (running.Count > 0 && missing > cache.AvailablePages - running.OutstandingPages)
        {
            sequence.Dispose();
            cache.Prefixes.Discount(cached);
            waiting.IsBlocked = true;
            waiting.BlockedAt = running.Removals;
            return false;
        }
        if (text.Index == 0 && !text.HasRun)
            text.Request.CachedTokens = cached;
        text.Request.Times.Begin();
        text.Drafts.IsFed = true;
        running.Add(text, sequence);
        return true;
    }
}
