namespace Hadal.Generation;

/// <summary>What ends a generation. Nothing does by default.</summary>
public sealed record StopConditions
{
    /// <summary>Texts that end it; neither they nor anything after is part of the output.</summary>
    /// <exception cref="ArgumentException">A text is empty.</exception>
    public IReadOnlyList<string> Strings
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            for (int i = 0; i < value.Count; i++)
            {
                if (string.IsNullOrEmpty(value[i]))
                    throw new ArgumentException(
                        $"{nameof(Strings)}[{i}] is empty; a stop string must have a character"
                    );
            }
            field = [.. value];
        }
    } = [];

    /// <summary>Token ids that end it, such as EOS; their text is not part of the output.</summary>
    /// <exception cref="ArgumentException">An id is negative.</exception>
    public IReadOnlyList<int> Tokens
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            for (int i = 0; i < value.Count; i++)
            {
                if (value[i] < 0)
                    throw new ArgumentException(
                        $"{nameof(Tokens)}[{i}] is {value[i]}; a token id must not be negative"
                    );
            }
            field = [.. value];
        }
    } = [];

    /// <summary>The greatest number of tokens to generate, stop tokens included; null for no limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int? MaxTokens
    {
        get;
        init
        {
            if (value < 1)
                throw new ArgumentOutOfRangeException(
                    nameof(MaxTokens),
                    value,
                    "must be at least 1, or null"
                );
            field = value;
        }
    }

    /// <summary>
    /// Tokens before which nothing of this ends it, but <see cref="MaxTokens"/>: until so many are generated stop tokens are not
    /// drawn, and the text of so many is not searched for stop strings.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int MinTokens
    {
        get;
        init
        {
            if (value < 0)
                throw new ArgumentOutOfRangeException(
                    nameof(MinTokens),
                    value,
                    "must not be negative"
                );
            field = value;
        }
    }
}
