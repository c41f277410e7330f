using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>
/// Keeps the latents and indexer keys of all layers for many sequences, in pages of 64 tokens. It may hold sequences of
/// different lengths; a page belongs to one of them. Not thread-safe.
/// </summary>
public sealed unsafe class PagedCache : IDisposable
{
    /// <summary>Tokens in a page.</summary>
    public const int PageTokens = NativeMethods.HD_PAGE_TOKENS;

    private readonly DeviceMemory _memory;
    private readonly PageAllocator _allocator;
    private bool _disposed;

    internal PagedCache(Device device, CacheLayout layout, int pages, int maxSequenceTokens)
    {
        Layout = layout;
        PageCount = pages;
        MaxSequenceTokens = maxSequenceTokens;
        _allocator = new PageAllocator(pages);
        _memory = new DeviceMemory(device);
        Layers = new LayerCache[layout.Layers];
        try
        {
            for (int i = 0; i < layout.Layers; i++)
            {
                void* mla = _memory.Allocate((long)pages * layout.MlaPageBytes);
                byte* index = layout.HasIndex
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
    }

    /// <summary>Pages in all.</summary>
    public int PageCount { get; }

    /// <summary>Pages that no sequence has.</summary>
    public int FreePages => _allocator.FreeCount;

    /// <summary>Tokens that fit in all.</summary>
    public long TokenCapacity => (long)PageCount * PageTokens;

    /// <summary>Memory that the cache takes on its device.</summary>
    public long MemoryBytes => _memory.AllocatedBytes;

    /// <summary>The most tokens that one sequence may have.</summary>
    public int MaxSequenceTokens { get; }

    internal CacheLayout Layout { get; }

    internal LayerCache[] Layers { get; }

    /// <summary>Decode steps over this cache's memory as its model recorded them, by sequences and columns of the block table.</summary>
    internal Dictionary<(int Sequences, int TablePages), GraphHandle> DecodeSteps { get; } = [];

    /// <summary>Begins an empty sequence. Its pages come as it grows, and go back when it is disposed.</summary>
    public CachedSequence CreateSequence()
    {
        ThrowIfDisposed();
        return new CachedSequence(this);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _disposed = true;
        foreach (GraphHandle step in DecodeSteps.Values)
            step.Dispose();
        DecodeSteps.Clear();
        _memory.Dispose();
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    internal static int PagesFor(int tokens) => (tokens + PageTokens - 1) / PageTokens;

    internal int TakePage() => _allocator.Take();

    internal void GiveBack(int page) => _allocator.GiveBack(page);
}
