namespace Hadal.Json;

/// <summary>Makes the error of a kind of file.</summary>
/// <param name="message">What was wrong, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
internal delegate HadalException JsonError(string message, Exception? inner = null);
