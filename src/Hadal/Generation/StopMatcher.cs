using System.Buffers;

namespace Hadal.Generation;

/// <summary>
/// Applies <see cref="StopConditions"/> to one generation. Text that could be the beginning of a stop string is held
/// back until it is decided; everything else is passed on at once. Allocates nothing in steady state. Not thread-safe.
/// </summary>
/// <remarks>
/// Of stop strings that could match, the one whose last character comes first wins, of those the longest. A stop token
/// comes before a stop string, and that before the limit of tokens.
/// </remarks>
public sealed class StopMatcher
{
    private readonly string[] _strings;
    private readonly int[] _tokens;
    private readonly int? _maxTokens;
    private char[] _held = new char[64];
    private int _heldLength;
    private bool _stopped;

    /// <summary>Begins a generation.</summary>
    /// <param name="conditions">What ends it.</param>
    public StopMatcher(StopConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        // Longest first, so that of two that end on one character the longer is found.
        _strings = [.. conditions.Strings.OrderByDescending(s => s.Length)];
        _tokens = [.. conditions.Tokens];
        _maxTokens = conditions.MaxTokens;
    }

    /// <summary>The number of tokens taken, a stop token included.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Why the generation ended, or null while it goes on.</summary>
    public FinishReason? FinishReason { get; private set; }

    /// <summary>Takes a generated token.</summary>
    /// <param name="token">Its id.</param>
    /// <param name="text">The text that became whole with it; may be empty. Ignored for a stop token.</param>
    /// <param name="output">Where the text goes that no stop string can claim any more.</param>
    /// <returns>Why the generation ended with this token, or null. Then call <see cref="Complete"/>.</returns>
    /// <exception cref="InvalidOperationException">The generation has ended.</exception>
    public FinishReason? Push(int token, ReadOnlySpan<char> text, IBufferWriter<char> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (FinishReason is not null)
            throw new InvalidOperationException($"The generation has ended ({FinishReason})");
        TokenCount++;
        if (_tokens.AsSpan().Contains(token))
            FinishReason = Generation.FinishReason.Stop;
        else if (Match(text, output))
            FinishReason = Generation.FinishReason.Stop;
        else if (TokenCount >= _maxTokens)
            FinishReason = Generation.FinishReason.Length;
        return FinishReason;
    }

    /// <summary>
    /// Ends the generation: passes on what is still held back, unless a stop string ended it. Without an earlier reason
    /// it was cancelled.
    /// </summary>
    /// <param name="tail">The last text, such as the flush of a UTF-8 decoder; may be empty.</param>
    /// <param name="output">Where the text goes.</param>
    public void Complete(ReadOnlySpan<char> tail, IBufferWriter<char> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        FinishReason ??= Generation.FinishReason.Cancelled;
        if (_stopped || Match(tail, output))
            return;
        output.Write(_held.AsSpan(0, _heldLength));
        _heldLength = 0;
    }

    /// <summary>Appends the text to what is held and passes on what is decided; true if a stop string is whole.</summary>
    private bool Match(ReadOnlySpan<char> text, IBufferWriter<char> output)
    {
        if (_heldLength + text.Length > _held.Length)
            Array.Resize(ref _held, Math.Max(_heldLength + text.Length, 2 * _held.Length));
        int scanned = _heldLength;
        text.CopyTo(_held.AsSpan(_heldLength));
        _heldLength += text.Length;
        for (int end = scanned + 1; end <= _heldLength; end++)
        {
            ReadOnlySpan<char> prefix = _held.AsSpan(0, end);
            foreach (string stop in _strings)
            {
                if (!prefix.EndsWith(stop, StringComparison.Ordinal))
                    continue;
                output.Write(prefix[..^stop.Length]);
                _heldLength = 0;
                _stopped = true;
                return true;
            }
        }
        int undecided = UndecidedLength(_held.AsSpan(0, _heldLength));
        int decided = _heldLength - undecided;
        output.Write(_held.AsSpan(0, decided));
        _held.AsSpan(decided, undecided).CopyTo(_held);
        _heldLength = undecided;
        return false;
    }

    /// <summary>The length of the longest end of the text that begins a stop string.</summary>
    private int UndecidedLength(ReadOnlySpan<char> text)
    {
        int longest = 0;
        foreach (string stop in _strings)
        {
            for (int n = Math.Min(stop.Length - 1, text.Length); n > longest; n--)
            {
                if (text.EndsWith(stop.AsSpan(0, n), StringComparison.Ordinal))
                {
                    longest = n;
                    break;
                }
            }
        }
        return longest;
    }
}
