namespace Hadal.Chat;

/// <summary>What a <see cref="ChatDelta"/> adds to.</summary>
public enum ChatDeltaKind
{
    /// <summary>To what the model thinks.</summary>
    Reasoning,

    /// <summary>To what it answers.</summary>
    Content,

    /// <summary>A call begins; the text is the tool's name.</summary>
    CallBegin,

    /// <summary>
    /// To the arguments of a call: the deltas of a whole call joined are the text of a JSON object, in V3.1 as the model wrote it.
    /// </summary>
    CallArguments,

    /// <summary>A call is whole; there is no text. A call without this was cut and is none.</summary>
    CallEnd,
}

/// <summary>A piece of an answer.</summary>
/// <param name="Kind">What it adds to.</param>
/// <param name="Text">What it adds.</param>
/// <param name="Call">The call's index, from 0; −1 where it is of none.</param>
public readonly record struct ChatDelta(ChatDeltaKind Kind, string Text, int Call = -1);
