using System.Runtime.InteropServices;
using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Inference;

/// <summary>
/// Shares a step out: a token to each text that is being written, and its drafts while each other text can have a token too;
/// what is left of the budget to prompts, as much to each as long as it wants that much. When pages run out, the newest texts
/// lose theirs. Allocates nothing in steady state.
/// </summary>
/// <param name="options">The sizes of a step.</param>
/// <param name="cache">The cache.</param>
/// <param name="running">The texts, of which as many run as <see cref="MostRunning"/> says.</param>
/// <param name="preempt">Takes the place of a text that runs.</param>
internal sealed class StepPlan(
    ModelOptions options,
    PagedCache cache,
    RunningTexts running,
    Action<TextChoice> preempt
)
{
    private readonly List<Allotment> _allotments = [];
    private readonly List<TextChoice> _prompts = []; // Those that want least first.
    private int _reservedPages;

    /// <summary>Of so many texts each gets a token in every step.</summary>
    public static int MostRunning(ModelOptions options) =>
        Math.Min(options.MaxSequences, Math.Min(options.MaxLogitRows, options.MaxStepTokens));

    public ReadOnlySpan<Allotment> Allotments => CollectionsMarshal.AsSpan(_allotments);

    /// <summary>Shares out the next step.</summary>
    public void Make()
    {
        _allotments.Clear();
        _reservedPages = 0;
        int most = Math.Min(options.MaxStepTokens, options.MaxLogitRows) - running.Count;
        for (int i = 0; i < running.Count; i++)
        {
            TextChoice text = running[i];
            if (!text.IsDecoding || !MakeRoom(text))
                continue;
            // No text loses its place for them.
            int drafts = Math.Min(text.Drafts.Count, most);
            if (drafts > 0)
                drafts = Math.Clamp(Room(text) - 1, 0, drafts);
            most -= drafts;
            Allot(text, 1 + drafts, drafts);
        }
        Share();
        for (int i = 0; i < running.Count; i++)
        {
            TextChoice text = running[i];
            if (text.IsDecoding)
                continue;
            // The first always goes on, so that all do in their turn.
            int room = i == 0 && MakeRoom(text) ? Math.Max(1, Room(text)) : Room(text);
            int count = Math.Min(text.Share, room);
            if (count > 0)
                Allot(text, count);
        }
    }

    // Tells each prompt how much it may have of what those that are being written leave.
    private void Share()
    {
        int tokens = options.MaxStepTokens;
        int rows = options.MaxLogitRows;
        foreach (Allotment allotment in _allotments)
        {
            tokens -= allotment.Count;
            rows -= allotment.Rows;
        }
        _prompts.Clear();
        for (int i = 0; i < running.Count; i++)
        {
            if (!running[i].IsDecoding)
                Insert(running[i]);
        }
        for (int left = _prompts.Count; left > 0; left--)
        {
            TextChoice text = _prompts[^left];
            int count = Math.Min(Wish(text), tokens / left);
            // A row stays for each of the others.
            if (LogitsOf(text, count) == LogitRows.All)
                count = Math.Min(count, rows - left + 1);
            text.Share = count;
            tokens -= count;
            rows -= new Allotment(text, count, LogitsOf(text, count)).Rows;
        }
    }

    private void Insert(TextChoice text)
    {
        int at = _prompts.Count;
        while (at > 0 && Wish(text) < Wish(_prompts[at - 1]))
            at--;
        _prompts.Insert(at, text);
    }

    private static int Wish(TextChoice text) => Math.Min(text.NextCount, text.Request.Chunk);

    private static LogitRows LogitsOf(TextChoice text, int count)
    {
        int after = text.Sequence!.Length + count;
        if (
            text.Index == 0
            && text.Request.ForetoldTokens <= Math.Min(after, text.Request.PromptLength - 1)
        )
            return LogitRows.All;
        return after == text.Tokens.Length ? LogitRows.Last : LogitRows.None;
    }

    private void Allot(TextChoice text, int count, int drafts = 0)
    {
        LogitRows logits = drafts > 0 ? LogitRows.All : LogitsOf(text, count);
        var allotment = new Allotment(text, count, logits, drafts);
        _reservedPages += allotment.MissingPages;
        _allotments.Add(allotment);
    }

    /// <summary>Tokens for which the text has pages, or the cache.</summary>
    private int Room(TextChoice text)
    {
        int length = text.Sequence!.Length;
        int pages = cache.AvailablePages - _reservedPages;
        return (int)
            Math.Min(
                (PagedCache.PagesFor(length) + (long)pages) * PagedCache.PageTokens - length,
                int.MaxValue
            );
    }

    /// <summary>Sees that a text has room for a token, by taking the places of those that came last.</summary>
    /// <returns>False where its own was taken. The last one is let try: the step tells what is missing.</returns>
    private bool MakeRoom(TextChoice text)
    {
        while (text.Sequence!.MissingPages(1) > 0 && Room(text) < 1 && running.Count > 1)
        {
            TextChoice youngest = running.Youngest;
            int at = _allotments.FindIndex(a => a.Text == youngest);
            if (at >= 0)
            {
                _reservedPages -= _allotments[at].MissingPages;
                _allotments.RemoveAt(at);
            }
            preempt(youngest);
            if (youngest == text)
                return false;
        }
        return true;
    }
}
