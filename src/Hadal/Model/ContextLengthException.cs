namespace Hadal.Model;

/// <summary>A sequence would become longer than the context. Nothing was written.</summary>
public sealed class ContextLengthException : HadalException
{
    internal ContextLengthException(long tokens, int maxTokens)
        : base(
            $"The sequence would have {tokens} tokens, more than the context's {maxTokens}; shorten the prompt, or raise "
                + $"{nameof(ModelOptions)}.{nameof(ModelOptions.MaxContextTokens)} where it is set below the config's"
        )
    {
        Tokens = tokens;
        MaxTokens = maxTokens;
    }

    /// <summary>Tokens that the sequence would have.</summary>
    public long Tokens { get; }

    /// <summary>The most tokens of a sequence.</summary>
    public int MaxTokens { get; }
}
