namespace Hadal.Chat;

/// <summary>A part of a prompt.</summary>
/// <param name="Text">The text.</param>
/// <param name="IsToken">Whether it is one added token; otherwise it is plain text, whatever it holds.</param>
/// <param name="Turn">The answer that the text ends, or is; null elsewhere.</param>
internal readonly record struct ChatPiece(string Text, bool IsToken, ChatTurn? Turn = null);
