namespace Hadal.Chat;

/// <summary>A prompt, and how its answer begins.</summary>
/// <param name="Ids">The tokens, BOS included.</param>
/// <param name="StartsThinking">
/// Whether the prompt ends in <c>&lt;think&gt;</c>, so that the answer begins with a thought. Where the
/// conversation asks for thinking it is false only for V3.2's prompt after an answer, which opens no further one.
/// </param>
public sealed record ChatPrompt(ReadOnlyMemory<int> Ids, bool StartsThinking);
