namespace Hadal.Grammars;

/// <summary>
/// A schema, pattern or set of tools can't be kept to: it is broken, uses what is not supported, is too large, or nothing
/// satisfies it. The message names the place and the reason.
/// </summary>
public sealed class GrammarException(string message, Exception? inner = null)
    : HadalException(message, inner);
