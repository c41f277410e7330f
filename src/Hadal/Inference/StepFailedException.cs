namespace Hadal.Inference;

/// <summary>
/// A step of the model failed with the request's tokens alone, which ended the request; the inner exception tells why. What
/// was generated before was handed out.
/// </summary>
public sealed class StepFailedException : HadalException
{
    internal StepFailedException(Exception inner)
        : base($"A step of the model failed: {inner.Message}", inner) { }
}
