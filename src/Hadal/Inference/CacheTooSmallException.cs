namespace Hadal.Inference;

/// <summary>A prompt is longer than the engine's whole cache, so that it could never run.</summary>
public sealed class CacheTooSmallException : HadalException
{
    internal CacheTooSmallException(int tokens, long cacheTokens)
        : base(
            $"The prompt has {tokens} tokens, more than the {cacheTokens} that the cache holds in all; shorten it, or raise "
                + $"{nameof(EngineOptions)}.{nameof(EngineOptions.CacheTokens)}"
        )
    {
        Tokens = tokens;
        CacheTokens = cacheTokens;
    }

    /// <summary>Tokens of the prompt.</summary>
    public int Tokens { get; }

    /// <summary>Tokens that the cache holds.</summary>
    public long CacheTokens { get; }
}
