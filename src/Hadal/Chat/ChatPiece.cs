namespace Hadal.Chat;

/// <summary>A part of a prompt.</summary>
/// <param name="Text">The text.</param>
/// <param name="Id">The added token that it is; null for plain text, whatever it spells.</param>
internal readonly record struct ChatPiece(string Text, int? Id);
