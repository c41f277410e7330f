using Hadal.Caching;

namespace Hadal.Tests.Caching;

/// <summary>
/// A sequence whose steps, without a model, write to each token's slot what depends on all tokens up to it, in all layers.
/// </summary>
internal sealed unsafe class FakeSequence(PagedCache cache, PrefixKey key) : IDisposable
{
    public CachedSequence Sequence { get; } = cache.CreateSequence();

    /// <summary>The tokens that are in the cache.</summary>
    public List<int> Tokens { get; } = [];

    public PrefixKey Key => key;

    public int Attach(ReadOnlySpan<int> tokens)
    {
        int length = cache.Prefixes.Attach(Sequence, tokens, key);
        Tokens.AddRange(tokens[..length]);
        return length;
    }

    public void Publish() => cache.Prefixes.Publish(Sequence, Tokens.ToArray(), key);

    /// <summary>Whether there was room for the tokens.</summary>
    public bool Grow(ReadOnlySpan<int> tokens, bool isDone = true)
    {
        lock (cache.Changes)
        {
            if (Sequence.MissingPages(tokens.Length) > cache.AvailablePages)
                return false;
            Sequence.OwnNextPage();
            Sequence.BeginStep(tokens.Length);
        }
        int before = Tokens.Count;
        Tokens.AddRange(tokens);
        ulong[] contents = Contents();
        for (int i = before; i < Tokens.Count; i++)
        {
            for (int part = 0; part < 2 * cache.Layers.Length; part++)
                *Slot(part, i) = contents[i] + (ulong)part;
        }
        if (!isDone)
            Tokens.RemoveRange(before, tokens.Length);
        lock (cache.Changes)
            Sequence.EndStep(isDone ? tokens.Length : 0);
        return true;
    }

    public void Truncate(int length)
    {
        Sequence.Truncate(length);
        Tokens.RemoveRange(length, Tokens.Count - length);
    }

    /// <summary>Fails unless all slots hold what its tokens wrote, or would have written.</summary>
    public void Check()
    {
        Assert.Equal(Tokens.Count, Sequence.Length);
        ulong[] contents = Contents();
        for (int i = 0; i < contents.Length; i++)
        {
            for (int part = 0; part < 2 * cache.Layers.Length; part++)
            {
                if (*Slot(part, i) != contents[i] + (ulong)part)
                    Assert.Fail($"position {i} of {contents.Length}, part {part}");
            }
        }
    }

    public void Dispose() => Sequence.Dispose();

    private ulong[] Contents()
    {
        var contents = new ulong[Tokens.Count];
        ulong content = key.Variant + (ulong)key.Salt.Length;
        for (int i = 0; i < contents.Length; i++)
            contents[i] = content = (content + (ulong)Tokens[i] + 1) * 0x9E3779B97F4A7C15;
        return contents;
    }

    private ulong* Slot(int part, int position)
    {
        LayerCache layer = cache.Layers[part / 2];
        int slot = Sequence.SlotOf(position);
        return part % 2 == 0
            ? (ulong*)((byte*)layer.Mla.Data + (long)slot * cache.Layout.MlaPageBytes / 64)
            : (ulong*)(layer.Index.Data + (long)slot * CacheLayout.IndexPageBytes / 64);
    }
}
