namespace Hadal.Caching;

/// <summary>What was loaded of a file of a cached prefix.</summary>
/// <param name="Tokens">The tokens that are in the cache now: the first of the file.</param>
/// <param name="FileTokens">The tokens in the file. The cache had no room for what is more.</param>
public readonly record struct LoadedPrefix(int Tokens, int FileTokens);
