namespace Hadal.Cli;

/// <summary>The command line asks for something that can't be: said in one line, with the exit status of wrong usage.</summary>
/// <param name="message">The argument, what it was, and what it must be.</param>
internal sealed class UsageException(string message) : Exception(message);
