namespace Hadal.Generation;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>A stop token or a stop string came.</summary>
    Stop,

    /// <summary>The greatest number of tokens was reached.</summary>
    Length,

    /// <summary>The caller cancelled.</summary>
    Cancelled,

    /// <summary>The time was up that <see cref="GenerationOptions.TimeLimit"/> gave.</summary>
    Deadline,
}
