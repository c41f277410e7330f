using Hadal.Model;

namespace Hadal.Inference;

/// <summary>What a text gets of a step.</summary>
/// <param name="Text">The text.</param>
/// <param name="Count">Its tokens, at least one.</param>
/// <param name="Logits">Which of them get logits.</param>
internal readonly record struct Allotment(TextChoice Text, int Count, LogitRows Logits)
{
    public int Rows =>
        Logits switch
        {
            LogitRows.None => 0,
            LogitRows.Last => 1,
            _ => Count,
        };

    public int MissingPages => Text.Sequence!.MissingPages(Count);
}
