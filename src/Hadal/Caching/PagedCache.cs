using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>
/// Keeps the latents and indexer keys of all layers for many sequences, in pages of 64 tokens. Full pages may be published
/// as prefixes, which other sequences then begin with: such pages belong to all who have them, are never written again, and
/// stay, when no one has them any more, until a step needs pages: the longest unused go first. Thread-safe.
/// </summary>
public sealed unsafe class PagedCache : IDisposable
{
    /// <summary>Tokens in a page.</summary>
    public const int PageTokens = NativeMethods.HD_PAGE_TOKENS;

    private readonly DeviceMemory _memory;
    private readonly PageAllocator _allocator;
    private readonly Func<CacheIdentity> _identity;
    private long _evictions;
    private int _steps;
    private bool _disposed;

    /// <param name="device">Where its memory is.</param>
    /// <param name="layout">What it holds.</param>
    /// <param name="pages">Pages in all.</param>
    /// <param name="maxSequenceTokens">The most tokens of one sequence.</param>
    /// <param name="identity">Tells what decides its content besides the tokens; asked when a prefix is saved or loaded.</param>
    /// <param name="hash">Finds prefixes; null for one that does it fast.</param>
    internal PagedCache(
        Device device,
        CacheLayout layout,
        int pages,
        int maxSequenceTokens,
        Func<CacheIdentity> identity,
        PageHash? hash = null
    )
    {
        _identity = identity;
        Layout = layout;
        PageCount = pages;
        MaxSequenceTokens = maxSequenceTokens;
        _memory = new DeviceMemory(device);
        Layers = new LayerCache[layout.Layers];
        try
        {
            for (int i = 0; i < layout.Layers; i++)
            {
                void* mla = _memory.Allocate((long)pages * layout.MlaPageBytes);
                byte* index = layout.HasIndex[i]
                    ? (byte*)_memory.Allocate((long)pages * CacheLayout.IndexPageBytes)
                    : null;
                Layers[i] = new LayerCache(
                    new MlaPages(mla, pages, layout.Format),
                    new IndexPages(index, pages)
                );
            }
            Transfer = new PageTransfer(device, layout, Layers);
        }
        catch
        {
            _memory.Dispose();
            throw;
        }
        // Last: what has no room on the device takes none here.
        _allocator = new PageAllocator(pages);
        Prefixes = new PrefixIndex(this, hash);
    }

    /// <summary>Pages in all.</summary>
    public int PageCount { get; }

    /// <summary>Pages that hold nothing.</summary>
    public int FreePages => Statistics.FreePages;

    /// <summary>Pages that a step can have: free ones, and those of prefixes that no sequence has.</summary>
    public int AvailablePages
    {
        get
        {
            lock (Changes)
                return _allocator.FreeCount + _allocator.CachedCount;
        }
    }

    /// <summary>How full it is, and what its prefixes have saved.</summary>
    public CacheStatistics Statistics
    {
        get
        {
            lock (Changes)
                return new CacheStatistics(
                    _allocator.FreeCount,
                    _allocator.CachedCount,
                    _allocator.ReferencedCount,
                    Prefixes.Hits,
                    Prefixes.TokensSaved,
                    _evictions
                );
        }
    }

    /// <summary>Tokens that fit in all.</summary>
    public long TokenCapacity => (long)PageCount * PageTokens;

    /// <summary>Memory that the cache takes on its device.</summary>
    public long MemoryBytes => _memory.AllocatedBytes;

    /// <summary>The most tokens that one sequence may have.</summary>
    public int MaxSequenceTokens { get; }

    /// <summary>Held, for moments, while pages change hands; whoever runs a step doesn't hold it meanwhile.</summary>
    internal Lock Changes { get; } = new();

    internal CacheLayout Layout { get; }

    internal LayerCache[] Layers { get; }

    /// <summary>The pages that sequences can begin with.</summary>
    internal PrefixIndex Prefixes { get; }

    internal PageTransfer Transfer { get; }

    /// <summary>Raised once, before its memory goes back: what was recorded over the memory goes first.</summary>
    internal event Action? Releasing;

    /// <summary>Begins an empty sequence. Its pages come as it grows, and go back when it is disposed.</summary>
    public CachedSequence CreateSequence()
    {
        ThrowIfDisposed();
        return new CachedSequence(this);
    }

    /// <inheritdoc cref="PrefixFile.Save"/>
    internal int SavePrefix(string path, ReadOnlySpan<int> tokens, in PrefixKey key) =>
        PrefixFile.Save(this, path, tokens, key);

    /// <inheritdoc cref="PrefixFile.Load"/>
    internal LoadedPrefix LoadPrefix(string path, in PrefixKey key) =>
        PrefixFile.Load(this, path, key);

    /// <summary>What decides the content of pages with a key. The salt doesn't: whoever loads a file takes it under their own.</summary>
    internal CacheIdentity IdentityFor(in PrefixKey key) =>
        _identity().With("variant", key.Variant);

    /// <summary>Gives its memory back, at the end of the steps that are under way.</summary>
    public void Dispose()
    {
        lock (Changes)
        {
            if (_disposed)
                return;
            _disposed = true;
            if (_steps == 0)
                Release();
        }
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    /// <summary>Keeps the memory until <see cref="EndStep"/>.</summary>
    internal void BeginStep()
    {
        lock (Changes)
        {
            ThrowIfDisposed();
            _steps++;
        }
    }

    internal void EndStep()
    {
        lock (Changes)
        {
            _steps--;
            if (_disposed && _steps == 0)
                Release();
        }
    }

    internal static int PagesFor(int tokens) => (int)(((long)tokens + PageTokens - 1) / PageTokens);

    /// <summary>
    /// Takes an available page for one sequence; its content is of no one. The caller holds <see cref="Changes"/>, below
    /// too.
    /// </summary>
    internal int TakePage()
    {
        if (_allocator.FreeCount == 0)
        {
            int page = _allocator.OldestCached;
            Prefixes.Remove(page);
            _allocator.Evict(page);
            _evictions++;
        }
        return _allocator.Take();
    }

    /// <summary>Takes an available page, and copies another to it.</summary>
    internal int TakeCopy(int page)
    {
        int copy = TakePage();
        try
        {
            Transfer.Copy(page, copy);
            return copy;
        }
        catch
        {
            GiveBack(copy);
            throw;
        }
    }

    /// <summary>Counts one more sequence that has a published page.</summary>
    internal void Hold(int page) => _allocator.Hold(page);

    /// <summary>Counts one sequence less that has a page.</summary>
    internal void GiveBack(int page) => _allocator.Release(page, Prefixes.Contains(page));

    /// <summary>Whether a published page can be unpublished for the one sequence that has it: no other has, none comes after it.</summary>
    internal bool CanTakeBack(int page) =>
        _allocator.References(page) == 1 && !Prefixes.HasFollowers(page);

    private void Release()
    {
        Releasing?.Invoke();
        Transfer.Dispose();
        _memory.Dispose();
    }
}
