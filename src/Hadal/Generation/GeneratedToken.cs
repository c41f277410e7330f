namespace Hadal.Generation;

/// <summary>One generated token.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">
/// The text that is certain since this token: empty while a character is not whole or a stop string may be beginning.
/// </param>
/// <param name="FinishReason">Why the text ended with this token; null while it goes on.</param>
public readonly record struct GeneratedToken(int Id, string Text, FinishReason? FinishReason);
