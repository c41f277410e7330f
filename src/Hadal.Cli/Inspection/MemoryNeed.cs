using Hadal.Model;

namespace Hadal.Cli.Inspection;

/// <summary>The memory that one sequence needs beside the weights.</summary>
internal static class MemoryNeed
{
    private const int PageTokens = 64;

    /// <summary>A token's latent and rotary part in one layer: FP8 with an indexer, bf16 without.</summary>
    private const int SparseBytes = 656;
    private const int DenseBytes = 1152;

    /// <summary>A token's indexer key in one layer.</summary>
    private const int IndexBytes = 132;

    private static readonly int[] Contexts = [4096, 16384, 32768, 65536, 131072];

    /// <summary>Bytes of cache that one token takes over all layers.</summary>
    public static long BytesPerToken(DeepSeekConfig config) =>
        (long)config.TotalLayers * (config.Indexer is null ? DenseBytes : SparseBytes + IndexBytes);

    /// <summary>Bytes of cache of a sequence, in whole pages.</summary>
    public static long CacheBytes(DeepSeekConfig config, long tokens) =>
        (tokens + PageTokens - 1) / PageTokens * PageTokens * BytesPerToken(config);

    /// <summary>Context lengths worth telling, up to the longest that the model takes.</summary>
    public static IEnumerable<int> ContextsOf(DeepSeekConfig config) =>
        Contexts
            .Where(tokens => tokens < config.MaxPositionEmbeddings)
            .Append(config.MaxPositionEmbeddings);
}
