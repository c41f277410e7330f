namespace Hadal.Chat;

/// <summary>A prompt, and how its answer begins.</summary>
/// <param name="Ids">The tokens, BOS included.</param>
/// <param name="StartsThinking">
/// Whether the prompt ends in <c>&lt;think&gt;</c>, so that the answer begins with a thought. It may be false where the
/// conversation asks for thinking: nothing follows an answer that ends it.
/// </param>
public sealed record ChatPrompt(ReadOnlyMemory<int> Ids, bool StartsThinking);
