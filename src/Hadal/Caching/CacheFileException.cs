namespace Hadal.Caching;

/// <summary>A file of a cached prefix can't be read or written, is broken, or was made by something else than what reads it.</summary>
public sealed class CacheFileException : HadalException
{
    internal CacheFileException(string message, Exception? inner = null)
        : base(QuotedText.Quote(message), inner) { }
}
