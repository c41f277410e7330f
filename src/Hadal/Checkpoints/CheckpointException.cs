using System.Globalization;

namespace Hadal.Checkpoints;

/// <summary>A checkpoint's file is missing, broken or hostile, or asks for something that is not supported.</summary>
/// <remarks>Messages quote names from the files: their control characters are escaped, and long ones are cut.</remarks>
/// <param name="message">What was wrong, what it was, and what it must be.</param>
/// <param name="inner">The error that led to this one, if any.</param>
public sealed class CheckpointException(string message, Exception? inner = null)
    : HadalException(Quote(message), inner)
{
    private const int Shown = 50;
    private const int MaxLength = 1000;

    private readonly string[] _problems = [];

    /// <summary>Gathers many problems into one error, of which the message shows the first 50.</summary>
    internal CheckpointException(string summary, IEnumerable<string> problems)
        : this(summary)
    {
        _problems = [.. problems.Select(Quote)];
    }

    /// <inheritdoc/>
    public override string Message =>
        string.Join(
            "\n  ",
            [
                base.Message,
                .. _problems.Take(Shown),
                .. _problems.Length > Shown
                    ? [$"and {_problems.Length - Shown} more"]
                    : (string[])[],
            ]
        );

    /// <summary>Every single problem, where several were gathered; otherwise empty.</summary>
    public IReadOnlyList<string> Problems => _problems;

    private static string Quote(string text)
    {
        if (text.Length > MaxLength)
            text = $"{text.AsSpan(0, MaxLength)}…";
        return text.Any(char.IsControl)
            ? string.Concat(
                text.Select(c =>
                    char.IsControl(c)
                        ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")
                        : c.ToString()
                )
            )
            : text;
    }
}
