using System.Diagnostics;
using System.Text;
using Hadal.Load.Running;

namespace Hadal.Load.Streams;

/// <summary>An answer on its way in, from the moment its request is sent.</summary>
/// <param name="gaps">Takes the milliseconds between two chunks.</param>
/// <param name="keepsText">Whether the text is kept.</param>
internal sealed class AnswerReading(Samples gaps, bool keepsText)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly StringBuilder? _text = keepsText ? new StringBuilder() : null;
    private TimeSpan? _firstToken;
    private long _last;
    private int? _tokens;
    private string? _finishReason;

    /// <summary>Chunks with text.</summary>
    public int Chunks { get; private set; }

    public void Take(StreamChunk chunk)
    {
        _tokens = chunk.Usage?.CompletionTokens ?? _tokens;
        foreach (StreamChoice choice in chunk.Choices ?? [])
        {
            _finishReason = choice.FinishReason ?? _finishReason;
            string added = choice.Added;
            if (added.Length == 0)
                continue;
            _text?.Append(added);
            Chunks++;
            long now = Stopwatch.GetTimestamp();
            if (_firstToken is null)
                _firstToken = Stopwatch.GetElapsedTime(_start, now);
            else
                gaps.Add(Stopwatch.GetElapsedTime(_last, now).TotalMilliseconds);
            _last = now;
        }
    }

    public StreamResult End(StreamOutcome outcome, string message = "") =>
        new(outcome)
        {
            Message = message,
            Tokens = _tokens ?? Chunks,
            Text = _text?.ToString(),
            FinishReason = _finishReason,
            FirstToken = _firstToken,
            Total = Stopwatch.GetElapsedTime(_start),
        };
}
