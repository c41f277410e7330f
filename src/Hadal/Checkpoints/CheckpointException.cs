namespace Hadal.Checkpoints;

/// <summary>A checkpoint's file is missing, broken or hostile, or asks for something that is not supported.</summary>
/// <remarks>Messages quote names from the files: their control characters are escaped, and long ones are cut.</remarks>
/// <param name="message">What was wrong, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
public sealed class CheckpointException(string message, Exception? inner = null)
    : HadalException(QuotedText.Quote(message), inner)
{
    private readonly ProblemList? _problems;

    /// <summary>Gathers many problems into one error.</summary>
    internal CheckpointException(string summary, ProblemList problems)
        : this(summary) => _problems = problems;

    /// <summary>The constructor, for readers that take how to make an error.</summary>
    internal static CheckpointException Create(string message, Exception? inner) =>
        new(message, inner);

    /// <inheritdoc/>
    public override string Message
    {
        get
        {
            long more = _problems is null ? 0 : _problems.Count - _problems.Texts.Count;
            return string.Join(
                "\n  ",
                [base.Message, .. Problems, .. more > 0 ? [$"and {more} more"] : (string[])[]]
            );
        }
    }

    /// <summary>The first 50 problems, where several were gathered; otherwise empty. The message tells how many more there are.</summary>
    public IReadOnlyList<string> Problems => _problems?.Texts ?? [];
}
