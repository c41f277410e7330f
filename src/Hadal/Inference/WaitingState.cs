namespace Hadal.Inference;

/// <summary>What keeps a text from running.</summary>
internal sealed class WaitingState
{
    /// <summary>The text that computes a prefix which it shares; null for none.</summary>
    public TextChoice? Awaited { get; set; }

    /// <summary>Tokens that the awaited one has in the cache when the prefix is there.</summary>
    public int AwaitedLength { get; set; }

    /// <summary>Whether there was no room for it when it was last looked at.</summary>
    public bool IsBlocked { get; set; }

    /// <summary><see cref="RunningTexts.Removals"/> then.</summary>
    public int BlockedAt { get; set; }

    /// <summary>How often texts behind it were admitted while it was blocked.</summary>
    public int PassedOver { get; set; }

    public void Clear()
    {
        Awaited = null;
        IsBlocked = false;
        PassedOver = 0;
    }
}
