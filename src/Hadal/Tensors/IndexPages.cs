namespace Hadal.Tensors;

/// <summary>One layer's index cache in a device's memory: [pages, 64 · 132].</summary>
internal readonly unsafe struct IndexPages(byte* data, int count)
{
    public byte* Data { get; } = data;
    public int Count { get; } = count;
}
