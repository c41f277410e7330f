namespace Hadal.Tokenization;

/// <summary>A token matched in the text before BPE.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Content">The text that it stands for, never empty.</param>
/// <param name="IsSpecial">Whether the file marks it as special: left out of decoded text on request.</param>
internal sealed record AddedToken(int Id, string Content, bool IsSpecial);
