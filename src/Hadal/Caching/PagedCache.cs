using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>
/// Keeps the latents and indexer keys of all layers for many sequences, in pages of 64 tokens. It may hold sequences of
/// different lengths; a page belongs to one of them. Thread-safe.
/// </summary>
public sealed unsafe class PagedCache : IDisposable
{
    /// <summary>Tokens in a page.</summary>
    public const int PageTokens = NativeMethods.HD_PAGE_TOKENS;

    private readonly DeviceMemory _memory;
    private readonly PageAllocator _allocator;
    private int _steps;
    private bool _disposed;

    internal PagedCache(Device device, CacheLayout layout, int pages, int maxSequenceTokens)
    {
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
        }
        catch
        {
            _memory.Dispose();
            throw;
        }
        // Last: what has no room on the device takes none here.
        _allocator = new PageAllocator(pages);
    }

    /// <summary>Pages in all.</summary>
    public int PageCount { get; }

    /// <summary>Pages that no sequence has.</summary>
    public int FreePages
    {
        get
        {
            lock (Changes)
                return _allocator.FreeCount;
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

    /// <summary>Raised once, before its memory goes back: what was recorded over the memory goes first.</summary>
    internal event Action? Releasing;

    /// <summary>Begins an empty sequence. Its pages come as it grows, and go back when it is disposed.</summary>
    public CachedSequence CreateSequence()
    {
        ThrowIfDisposed();
        return new CachedSequence(this);
    }

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

    internal int TakePage() => _allocator.Take();

    internal void GiveBack(int page) => _allocator.GiveBack(page);

    private void Release()
    {
        Releasing?.Invoke();
        _memory.Dispose();
    }
}
