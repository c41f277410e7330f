namespace Hadal.Generation;

/// <summary>The logits allow no token to be drawn.</summary>
/// <param name="message">What was wrong with them.</param>
public sealed class SamplingException(string message) : HadalException(message);
