using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Hadal.Caching;

/// <summary>
/// The pages of a cache that are published: full, never written again, and found by the tokens of the whole prefix that they
/// end. A page's entry is its own tokens and the published page before it, so that entries form a forest; a hash of both finds
/// it, and both are compared. Who has a page has those before it too, and lets go of the last first: a page that has been
/// cached the longest has none after it. Thread-safe by <see cref="PagedCache.Changes"/>.
/// </summary>
/// <remarks>
/// The predictor's layer is in the same pages, but its slot of a token depends on the next token: the last slot of a page is
/// that of the sequence that published it, and slots of tokens that it never drafted from hold what was there before. Another
/// sequence gets other drafts by that, never other tokens.
/// </remarks>
internal sealed class PrefixIndex
{
    private const int None = -1;
    private const int PageTokens = PagedCache.PageTokens;

    // Of this process, so that no one can choose tokens whose hashes are equal.
    private static readonly ulong Seed = (ulong)Random.Shared.NextInt64();

    private readonly PagedCache _cache;
    private readonly PageHash _hash;
    private readonly bool[] _isPublished;
    private readonly int[] _tokens; // [pages, 64]
    private readonly ulong[] _hashes; // Of all tokens up to the page's end, and of the key.
    private readonly int[] _previous; // The page before, or None.
    private readonly int[] _followers; // How many pages have it before them.
    private readonly PrefixKey[] _keys; // Of first pages.

    // The first page of each bucket of hashes, and of each page the next in its bucket, or None.
    private readonly int[] _buckets;
    private readonly int[] _nextInBucket;

    public PrefixIndex(PagedCache cache, PageHash? hash = null)
    {
        int pages = cache.PageCount;
        _cache = cache;
        _hash = hash ?? XxHash;
        _isPublished = new bool[pages];
        _tokens = new int[(long)pages * PageTokens];
        _hashes = new ulong[pages];
        _previous = new int[pages];
        _followers = new int[pages];
        _keys = new PrefixKey[pages];
        _buckets = new int[pages];
        _buckets.AsSpan().Fill(None);
        _nextInBucket = new int[pages];
    }

    /// <summary>Sequences that began with published pages.</summary>
    public long Hits { get; private set; }

    /// <summary>Tokens in those pages.</summary>
    public long TokensSaved { get; private set; }

    /// <summary>
    /// Gives an empty sequence the longest run of published pages that its tokens begin with: all but the last of them at
    /// most, as something must be left to compute.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">The tokens that it is to have.</param>
    /// <param name="key">What they must have been published with.</param>
    /// <returns>Tokens in the pages, a multiple of 64: the sequence's length.</returns>
    /// <exception cref="InvalidOperationException">The sequence has tokens, or a step is adding some.</exception>
    public int Attach(CachedSequence sequence, ReadOnlySpan<int> tokens, in PrefixKey key)
    {
        lock (_cache.Changes)
        {
            int length = Attach(sequence, tokens, key, (tokens.Length - 1) / PageTokens);
            if (length > 0)
                Hits++;
            TokensSaved += length;
            return length;
        }
    }

    /// <summary>
    /// As <see cref="Attach(CachedSequence, ReadOnlySpan{int}, in PrefixKey)"/>, but for a sequence that computes nothing: up
    /// to all full pages, and no hit.
    /// </summary>
    public int AttachFullPages(CachedSequence sequence, ReadOnlySpan<int> tokens, in PrefixKey key)
    {
        lock (_cache.Changes)
            return Attach(sequence, tokens, key, tokens.Length / PageTokens);
    }

    /// <summary>Takes what <see cref="Attach(CachedSequence, ReadOnlySpan{int}, in PrefixKey)"/> gave out of the statistics, where nothing came of it.</summary>
    /// <param name="tokens">What it returned.</param>
    public void Discount(int tokens)
    {
        lock (_cache.Changes)
        {
            if (tokens > 0)
                Hits--;
            TokensSaved -= tokens;
        }
    }

    /// <summary>
    /// Publishes a sequence's full pages; again it does nothing. Where another has published the same prefix meanwhile, the
    /// sequence takes that page and gives its own back, which counts as a change of the sequence: so publish before the next
    /// tokens are added to a batch, and after a draft, which writes to the pages too.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">Its tokens, and any that are to follow; all that are in it must be final.</param>
    /// <param name="key">What they were computed with.</param>
    /// <exception cref="ArgumentException">They are not its tokens, or the key is not that of its published pages.</exception>
    /// <exception cref="InvalidOperationException">A step is adding tokens to it.</exception>
    public void Publish(CachedSequence sequence, ReadOnlySpan<int> tokens, in PrefixKey key)
    {
        lock (_cache.Changes)
        {
            Check(sequence);
            if (tokens.Length < sequence.Length)
                throw new ArgumentException(
                    $"there are {tokens.Length}, but the sequence has {sequence.Length}",
                    nameof(tokens)
                );
            int full = sequence.Length / PageTokens;
            int done = Math.Min(sequence.PublishedPages, full);
            int page = done == 0 ? None : sequence.Pages[done - 1];
            if (page != None)
                CheckPublished(sequence, page, tokens.Slice((done - 1) * PageTokens), key);
            ulong hash = page == None ? HashOf(key) : _hashes[page];
            for (int i = done; i < full; i++)
            {
                ReadOnlySpan<int> own = tokens.Slice(i * PageTokens, PageTokens);
                hash = HashOf(hash, own);
                int found = Find(hash, page, own, key);
                if (found == None)
                    Add(found = sequence.Pages[i], hash, page, own, key);
                sequence.SetPublished(i, found);
                page = found;
            }
        }
    }

    /// <summary>Whether a page is published. The caller holds <see cref="PagedCache.Changes"/>, below too.</summary>
    public bool Contains(int page) => _isPublished[page];

    /// <summary>Whether a published page comes before another.</summary>
    public bool HasFollowers(int page) => _followers[page] > 0;

    /// <summary>The page before a published one, or −1.</summary>
    public int Previous(int page) => _previous[page];

    /// <summary>Forgets a published page that has none after it.</summary>
    public void Remove(int page)
    {
        Debug.Assert(_isPublished[page] && _followers[page] == 0);
        ref int at = ref Bucket(_hashes[page]);
        while (at != page)
            at = ref _nextInBucket[at];
        at = _nextInBucket[page];
        if (_previous[page] != None)
            _followers[_previous[page]]--;
        _keys[page] = default;
        _isPublished[page] = false;
    }

    private int Attach(
        CachedSequence sequence,
        ReadOnlySpan<int> tokens,
        in PrefixKey key,
        int mostPages
    )
    {
        Check(sequence);
        if (sequence.Length > 0)
            throw new InvalidOperationException(
                $"The sequence has {sequence.Length} tokens already; only an empty one can begin with a cached prefix"
            );
        int page = None;
        ulong hash = HashOf(key);
        for (int i = 0; i < Math.Min(mostPages, sequence.MostPages); i++)
        {
            ReadOnlySpan<int> own = tokens.Slice(i * PageTokens, PageTokens);
            hash = HashOf(hash, own);
            page = Find(hash, page, own, key);
            if (page == None)
                break;
            sequence.Adopt(page);
        }
        return sequence.Length;
    }

    private void Add(int page, ulong hash, int previous, ReadOnlySpan<int> tokens, in PrefixKey key)
    {
        _isPublished[page] = true;
        tokens.CopyTo(TokensOf(page));
        _hashes[page] = hash;
        _previous[page] = previous;
        if (previous == None)
            _keys[page] = key;
        else
            _followers[previous]++;
        ref int first = ref Bucket(hash);
        _nextInBucket[page] = first;
        first = page;
    }

    private int Find(ulong hash, int previous, ReadOnlySpan<int> tokens, in PrefixKey key)
    {
        int page = Bucket(hash);
        while (page != None && !Is(page, previous, tokens, key))
            page = _nextInBucket[page];
        return page;
    }

    private bool Is(int page, int previous, ReadOnlySpan<int> tokens, in PrefixKey key) =>
        _previous[page] == previous
        && (previous != None || _keys[page].Equals(key))
        && tokens.SequenceEqual(TokensOf(page));

    private Span<int> TokensOf(int page) => _tokens.AsSpan(page * PageTokens, PageTokens);

    private ref int Bucket(ulong hash) => ref _buckets[hash % (ulong)_buckets.Length];

    private ulong HashOf(in PrefixKey key) =>
        _hash(Seed ^ key.Variant, MemoryMarshal.AsBytes(key.Salt.AsSpan()));

    private ulong HashOf(ulong before, ReadOnlySpan<int> tokens) =>
        _hash(before, MemoryMarshal.AsBytes(tokens));

    private static ulong XxHash(ulong seed, ReadOnlySpan<byte> bytes) =>
        XxHash3.HashToUInt64(bytes, (long)seed);

    private void Check(CachedSequence sequence)
    {
        sequence.ThrowIfDisposed();
        sequence.ThrowIfInStep();
        if (sequence.Cache != _cache)
            throw new ArgumentException("must be of this cache", nameof(sequence));
    }

    private void CheckPublished(
        CachedSequence sequence,
        int page,
        ReadOnlySpan<int> tokens,
        in PrefixKey key
    )
    {
        if (!tokens[..PageTokens].SequenceEqual(TokensOf(page)))
            throw new ArgumentException(
                "are not those that the sequence's pages were published with",
                nameof(tokens)
            );
        if (!_keys[sequence.Pages[0]].Equals(key))
            throw new ArgumentException(
                "is not the one that the sequence's pages were published with",
                nameof(key)
            );
    }
}
