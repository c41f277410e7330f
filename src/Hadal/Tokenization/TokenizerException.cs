namespace Hadal.Tokenization;

/// <summary>A tokenizer file is broken, or asks for something that is not supported.</summary>
/// <remarks>Messages quote text from the files: its control characters are escaped, and long text is cut.</remarks>
/// <param name="message">The field, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
public sealed class TokenizerException(string message, Exception? inner = null)
    : HadalException(QuotedText.Quote(message), inner)
{
    /// <summary>The constructor, for readers that take how to make an error.</summary>
    internal static TokenizerException Create(string message, Exception? inner) =>
        new(message, inner);
}
