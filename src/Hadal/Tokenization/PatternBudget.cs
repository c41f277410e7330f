using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Hadal.Tokenization;

/// <summary>
/// The time that the patterns of a file may take on one text, all matches together: a pattern may backtrack without end.
/// For one text; not thread-safe.
/// </summary>
internal sealed class PatternBudget(TimeSpan limit, CancellationToken cancellationToken)
{
    /// <summary>The most that one match may take.</summary>
    public static readonly TimeSpan MatchLimit = TimeSpan.FromSeconds(5);

    private readonly Stopwatch _clock = new();

    /// <summary>A limit that only a pattern that explodes exceeds: the published ones take below 1 µs a character.</summary>
    public static TimeSpan For(string text) =>
        MatchLimit + TimeSpan.FromMicroseconds(10.0 * text.Length);

    public void Start() => _clock.Start();

    public void Stop() => _clock.Stop();

    /// <summary>To be called after each match.</summary>
    /// <exception cref="TokenizerException">The time is used up.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Check(Regex pattern)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_clock.Elapsed > limit)
            throw Exceeded(pattern);
    }

    public TokenizerException Exceeded(Regex pattern, Exception? inner = null) =>
        new(
            $"tokenizer.json.pre_tokenizer: the pattern '{QuotedText.Shorten(pattern.ToString())}' took {_clock.Elapsed.TotalSeconds:0.0} s so far, too long for this text; take the tokenizer.json that the model was published with",
            inner
        );
}
