namespace Hadal.Cli.Hub;

/// <summary>A request failed in a way that another try may not.</summary>
/// <param name="message">What was asked for, and what went wrong.</param>
/// <param name="inner">The error that led to this one, if any.</param>
internal sealed class TransferException(string message, Exception? inner = null)
    : HadalException(message, inner)
{
    /// <summary>How long the server asks to wait; null where it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
