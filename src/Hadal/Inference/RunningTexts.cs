using Hadal.Caching;

namespace Hadal.Inference;

/// <summary>The texts that have a place in the cache, the first that came first. The step loop's.</summary>
internal sealed class RunningTexts
{
    private readonly List<TextChoice> _texts = [];

    public int Count => _texts.Count;

    public TextChoice this[int index] => _texts[index];

    /// <summary>How many lost their place so far: without one more there is no more room.</summary>
    public int Removals { get; private set; }

    /// <summary>The one that came last.</summary>
    public TextChoice Youngest => _texts[^1];

    /// <summary>Pages that the running texts still need for the tokens that are known.</summary>
    public int OutstandingPages
    {
        get
        {
            int pages = 0;
            foreach (TextChoice text in _texts)
                pages += text.Sequence!.MissingPages(text.Pending.Length);
            return pages;
        }
    }

    public void Add(TextChoice text, CachedSequence sequence)
    {
        text.Sequence = sequence;
        int at = _texts.Count;
        while (at > 0 && text.IsBefore(_texts[at - 1]))
            at--;
        _texts.Insert(at, text);
    }

    /// <summary>Takes a text's place back.</summary>
    public void Remove(TextChoice text)
    {
        text.Sequence!.Dispose();
        text.Sequence = null;
        _texts.Remove(text);
        Removals++;
    }
}
