namespace Hadal.Cli.Hub;

/// <summary>The hub can't give what is asked for.</summary>
/// <param name="message">What was asked for, and why it can't be had.</param>
/// <param name="inner">The error that led to this one, if any.</param>
internal sealed class HubException(string message, Exception? inner = null)
    : HadalException(message, inner);
