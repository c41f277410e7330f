using System.Collections.Immutable;

namespace Hadal.Generation;

/// <summary>How probable a token was, and which were the most probable in its place.</summary>
/// <param name="Token">The token itself.</param>
/// <param name="Top">
/// As many of the most probable as were asked for, the most probable first, of equal ones that of the lowest id; the token may
/// be among them.
/// </param>
public sealed record TokenLogProbs(TokenLogProb Token, ImmutableArray<TokenLogProb> Top);
