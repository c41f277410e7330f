namespace Hadal.Bindings;

/// <summary>The native library is missing, cannot be loaded, or is of another version; the message names every path tried.</summary>
/// <param name="message">What was wrong.</param>
public sealed class NativeLibraryException(string message) : HadalException(message);
