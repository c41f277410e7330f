using System.Text;
using Hadal.Generation;

namespace Hadal.Server.Completions;

/// <summary>A text on its way: what was taken since the last chunk, or all of it where nothing is sent before the end.</summary>
internal sealed class CompletionText
{
    /// <summary>What was not written yet.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>Its tokens, with null in place of what has no log-probability.</summary>
    public List<(int Id, TokenLogProbs? LogProbs)> Tokens { get; } = [];

    /// <summary>Characters, as code points, of the tokens before.</summary>
    public int Offset { get; set; }

    /// <summary>Why it ended; null while it goes on.</summary>
    public FinishReason? Finish { get; set; }
}
