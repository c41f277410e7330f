using Hadal.Caching;

namespace Hadal.Tests.Caching;

/// <summary>Who has which page, told the plain way: without page numbers, hashes, counts or queues.</summary>
internal sealed class ExpectedPages(int pages)
{
    private readonly Dictionary<FakeSequence, List<Page>> _sequences = [];
    private readonly List<Page> _published = [];
    private long _time;

    public long Evictions { get; private set; }

    public int Cached => _published.Count(page => Holders(page) == 0);

    public int Referenced => _sequences.Values.SelectMany(list => list).Distinct().Count();

    public int Free => pages - Cached - Referenced;

    public void Add(FakeSequence sequence) => _sequences.Add(sequence, []);

    /// <summary>The tokens that a sequence gets of these.</summary>
    public int Attach(FakeSequence sequence, ReadOnlySpan<int> tokens)
    {
        int length = 0;
        while (
            length + 64 < tokens.Length && Find(sequence.Key, tokens[..(length + 64)]) is { } page
        )
        {
            _sequences[sequence].Add(page);
            length += 64;
        }
        return length;
    }

    public void Publish(FakeSequence sequence)
    {
        List<Page> own = _sequences[sequence];
        for (int i = 0; i < sequence.Tokens.Count / 64; i++)
        {
            int[] prefix = [.. sequence.Tokens.Take(64 * (i + 1))];
            if (Find(sequence.Key, prefix) is { } page)
            {
                own[i] = page;
                continue;
            }
            own[i].Key = sequence.Key;
            own[i].Prefix = prefix;
            _published.Add(own[i]);
        }
    }

    /// <summary>Whether a sequence gets the pages for more tokens.</summary>
    public bool Grow(FakeSequence sequence, int tokens, bool isDone)
    {
        int length = sequence.Tokens.Count;
        List<Page> own = _sequences[sequence];
        int missing = (length + tokens + 63) / 64 - own.Count;
        bool mustCopy = false;
        if (length % 64 != 0 && own[^1].Prefix is not null)
            mustCopy = Holders(own[^1]) > 1 || _published.Any(page => page.Follows(own[^1]));
        if (missing + (mustCopy ? 1 : 0) > Free + Cached)
            return false;
        if (mustCopy)
        {
            Page copy = Take();
            Page page = own[^1];
            own[^1] = copy;
            LetGo([page]);
        }
        else if (length % 64 != 0 && own[^1].Prefix is not null)
        {
            _published.Remove(own[^1]);
            own[^1].Prefix = null;
        }
        for (int i = 0; i < missing; i++)
            own.Add(Take());
        if (!isDone)
            Truncate(sequence, length);
        return true;
    }

    public void Truncate(FakeSequence sequence, int length)
    {
        List<Page> own = _sequences[sequence];
        int kept = (length + 63) / 64;
        List<Page> rest = own[kept..];
        own.RemoveRange(kept, rest.Count);
        LetGo(rest);
    }

    public void Remove(FakeSequence sequence)
    {
        Truncate(sequence, 0);
        _sequences.Remove(sequence);
    }

    private int Holders(Page page) => _sequences.Values.Count(list => list.Contains(page));

    private Page? Find(PrefixKey key, ReadOnlySpan<int> prefix)
    {
        foreach (Page page in _published)
        {
            if (page.Key.Equals(key) && prefix.SequenceEqual(page.Prefix))
                return page;
        }
        return null;
    }

    private Page Take()
    {
        if (Free == 0)
        {
            _published.Remove(
                _published.Where(page => Holders(page) == 0).MinBy(page => page.LastUse)!
            );
            Evictions++;
        }
        return new Page();
    }

    // The last page first: it was used no later than those before it.
    private void LetGo(List<Page> rest)
    {
        foreach (Page page in Enumerable.Reverse(rest).Where(page => Holders(page) == 0))
            page.LastUse = _time++;
    }

    private sealed class Page
    {
        public PrefixKey Key { get; set; }

        /// <summary>All tokens up to its end, once it is published.</summary>
        public int[]? Prefix { get; set; }

        public long LastUse { get; set; }

        public bool Follows(Page other) =>
            Prefix!.Length == other.Prefix!.Length + 64
            && Key.Equals(other.Key)
            && Prefix.AsSpan().StartsWith(other.Prefix);
    }
}
