namespace Hadal.Cli.Posix;

/// <summary>A pipe is written that nobody reads any more: there is nothing left to do, and nobody to tell.</summary>
internal sealed class ReaderGoneException(string message) : IOException(message);
