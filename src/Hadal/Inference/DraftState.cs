namespace Hadal.Inference;

/// <summary>The tokens that are guessed to follow a text.</summary>
internal sealed class DraftState
{
    private readonly int[] _tokens = new int[EngineOptions.MostDrafts];

    /// <summary>Guesses.</summary>
    public int Count { get; private set; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>How many may be of use.</summary>
    public int Wanted { get; set; }

    /// <summary>The row of the last logits that tells what follows the last known token, or guess; −1 for none.</summary>
    public int Row { get; set; } = -1;

    /// <summary>Guesses that steps verified.</summary>
    public int Verified { get; private set; }

    /// <summary>Those of them that were right.</summary>
    public int Accepted { get; private set; }

    public void Add(int token) => _tokens[Count++] = token;

    public void Clear() => Count = 0;

    public void AddVerified(int verified, int accepted)
    {
        Verified += verified;
        Accepted += accepted;
    }
}
