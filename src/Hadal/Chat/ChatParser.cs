namespace Hadal.Chat;

/// <summary>
/// Tells reasoning, content and tool calls of an answer apart while it comes. The same deltas, joined, come of every way that a
/// text is split. One for each answer; not thread-safe.
/// </summary>
public sealed class ChatParser
{
    /// <summary>Begins an answer.</summary>
    /// <param name="format">The model's format.</param>
    /// <param name="thinking">Whether the prompt ends in <c>&lt;think&gt;</c>, so that the answer begins with a thought.</param>
    /// <param name="hasTools">Whether calls are looked for: without tools, their marks are content.</param>
    /// <param name="stopStrings">Texts that end the content; neither they nor anything after comes out.</param>
    public ChatParser(
        ChatFormat format,
        bool thinking,
        bool hasTools,
        IReadOnlyList<string>? stopStrings = null
    ) => throw new NotImplementedException();

    /// <summary>Whether a stop string has come: what follows is ignored.</summary>
    public bool IsStopped => throw new NotImplementedException();

    /// <summary>Calls that are whole.</summary>
    public int CallCount => throw new NotImplementedException();

    /// <summary>Takes the next part of the answer.</summary>
    /// <param name="text">The text, special marks included; may be empty.</param>
    /// <param name="deltas">Gets what is certain since.</param>
    public void Append(ReadOnlySpan<char> text, ICollection<ChatDelta> deltas) =>
        throw new NotImplementedException();

    /// <summary>Ends the answer: what was held back is decided.</summary>
    /// <param name="isCut">Whether the answer was cut, by a limit of tokens or of time, so that a call may be half there.</param>
    /// <param name="deltas">Gets the rest.</param>
    public void Complete(bool isCut, ICollection<ChatDelta> deltas) =>
        throw new NotImplementedException();
}
