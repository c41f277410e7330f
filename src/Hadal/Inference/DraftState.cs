namespace Hadal.Inference;

/// <summary>The tokens that are guessed to follow a text.</summary>
internal sealed class DraftState
{
    private readonly int[] _tokens = new int[EngineOptions.MostDrafts];
    private readonly int[] _verified = new int[EngineOptions.MostDrafts];
    private readonly int[] _accepted = new int[EngineOptions.MostDrafts];

    /// <summary>Guesses.</summary>
    public int Count { get; private set; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>Whether the predictor has run on all tokens since the text began to run: else its guesses are poor.</summary>
    public bool IsFed { get; set; }

    /// <summary>How many may be of use.</summary>
    public int Wanted { get; set; }

    /// <summary>The row of the last logits that tells what follows the last known token, or guess; −1 for none.</summary>
    public int Row { get; set; } = -1;

    /// <summary>Guesses that steps verified: the first ones, those after them, and so on.</summary>
    public ReadOnlySpan<int> Verified => _verified;

    /// <summary>Those of them that were right.</summary>
    public ReadOnlySpan<int> Accepted => _accepted;

    /// <summary>Steps that made tokens.</summary>
    public int Steps { get; private set; }

    public void Add(int token) => _tokens[Count++] = token;

    public void Clear() => Count = 0;

    /// <summary>Counts a step that made tokens.</summary>
    /// <param name="verified">Guesses in it.</param>
    /// <param name="accepted">How many were right, the first ones.</param>
    public void AddStep(int verified, int accepted)
    {
        Steps++;
        for (int i = 0; i < verified; i++)
            _verified[i]++;
        for (int i = 0; i < accepted; i++)
            _accepted[i]++;
    }
}
