namespace Hadal.Tokenization;

/// <summary>A tokenizer file is broken, or asks for something that is not supported.</summary>
/// <param name="message">The field, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
public sealed class TokenizerException(string message, Exception? inner = null)
    : HadalException(message, inner);
