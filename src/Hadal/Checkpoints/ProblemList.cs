namespace Hadal.Checkpoints;

/// <summary>Problems found in a checkpoint: the texts of the first ones, and how many there are. Its memory is bounded.</summary>
internal sealed class ProblemList
{
    private const int MaxTexts = 50;

    private readonly List<string> _texts = [];

    /// <summary>All problems.</summary>
    public long Count { get; private set; }

    /// <summary>The first ones, safe to show.</summary>
    public IReadOnlyList<string> Texts => _texts;

    /// <summary>Whether further problems are only counted.</summary>
    public bool IsFull => _texts.Count == MaxTexts;

    public void Add(string text)
    {
        Count++;
        if (!IsFull)
            _texts.Add(QuotedText.Quote(text));
    }

    /// <summary>Counts problems that have no text.</summary>
    public void AddCount(long count) => Count += count;
}
