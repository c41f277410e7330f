namespace Hadal;

/// <summary>The base of every error that Hadal itself reports.</summary>
/// <param name="message">What was wrong, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
public class HadalException(string message, Exception? inner = null) : Exception(message, inner);
