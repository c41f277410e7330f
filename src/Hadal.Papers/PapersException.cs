namespace Hadal.Papers;

/// <summary>A package for which no papers can be made, and why.</summary>
internal sealed class PapersException(string message) : Exception(message);
