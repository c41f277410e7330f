namespace Hadal.Checkpoints;

/// <summary>A checkpoint's file is missing, broken or hostile, or asks for something that is not supported.</summary>
/// <param name="message">What was wrong, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
public sealed class CheckpointException(string message, Exception? inner = null)
    : HadalException(message, inner)
{
    private const int Shown = 50;

    /// <summary>Gathers many problems into one error, of which the message shows the first 50.</summary>
    internal CheckpointException(string summary, IReadOnlyList<string> problems)
        : this(Format(summary, problems))
    {
        Problems = problems;
    }

    /// <summary>Every single problem, where several were gathered; otherwise empty.</summary>
    public IReadOnlyList<string> Problems { get; } = [];

    private static string Format(string summary, IReadOnlyList<string> problems)
    {
        string more = problems.Count > Shown ? $"\n  and {problems.Count - Shown} more" : "";
        return $"{summary}\n  {string.Join("\n  ", problems.Take(Shown))}{more}";
    }
}
