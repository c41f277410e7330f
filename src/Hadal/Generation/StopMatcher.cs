using System.Buffers;

namespace Hadal.Generation;

/// <summary>
/// Applies <see cref="StopConditions"/> to one generation. Text that could be the beginning of a stop string is held
/// back until it is decided; everything else is passed on at once. Allocates nothing in steady state. Not thread-safe.
/// </summary>
/// <remarks>
/// Of stop strings that could match, the one whose last character comes first wins, of those the longest. A stop token
/// comes before a stop string, and that before the limit of tokens. The time is that of the text and the stop strings
/// read once.
/// </remarks>
public sealed class StopMatcher
{
    private readonly StringAutomaton? _automaton;
    private readonly int[] _tokens;
    private readonly int? _maxTokens;
    private readonly int _minTokens;
    private char[] _held = new char[64];
    private int _heldStart;
    private int _heldEnd;
    private int _state;
    private bool _stopped;

    /// <summary>Begins a generation.</summary>
    /// <param name="conditions">What ends it.</param>
    public StopMatcher(StopConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        if (conditions.Strings.Count > 0)
            _automaton = new StringAutomaton(conditions.Strings);
        _tokens = [.. conditions.Tokens];
        _maxTokens = conditions.MaxTokens;
        _minTokens = conditions.MinTokens;
    }

    /// <summary>The tokens that may not come next, as the text is too short to end.</summary>
    internal ReadOnlySpan<int> RuledOut => IsTooShort ? Tokens : [];

    /// <summary>Whether fewer tokens were taken than must come before an end.</summary>
    internal bool IsTooShort => TokenCount < _minTokens;

    /// <summary>The stop tokens.</summary>
    internal ReadOnlySpan<int> Tokens => _tokens;

    /// <summary>The number of tokens taken, a stop token included.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Tokens that may still come.</summary>
    internal int TokensLeft => FinishReason is null ? (_maxTokens ?? int.MaxValue) - TokenCount : 0;

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
        if (TokenCount <= _minTokens)
            output.Write(text);
        else if (_tokens.AsSpan().Contains(token) || Match(text, output))
            FinishReason = Generation.FinishReason.Stop;
        if (FinishReason is null && TokenCount >= _maxTokens)
            FinishReason = Generation.FinishReason.Length;
        return FinishReason;
    }

    /// <summary>
    /// Takes a stop token that ends the generation even before <see cref="StopConditions.MinTokens"/>, as nothing else may come.
    /// </summary>
    internal FinishReason End()
    {
        TokenCount++;
        FinishReason = Generation.FinishReason.Stop;
        return Generation.FinishReason.Stop;
    }

    /// <summary>
    /// Ends the generation: passes on what is still held back, unless a stop string ended it.
    /// </summary>
    /// <param name="tail">The last text, such as the flush of a UTF-8 decoder; may be empty.</param>
    /// <param name="output">Where the text goes.</param>
    /// <param name="reason">Why it ends where no earlier reason ended it.</param>
    public void Complete(
        ReadOnlySpan<char> tail,
        IBufferWriter<char> output,
        FinishReason reason = Generation.FinishReason.Cancelled
    )
    {
        ArgumentNullException.ThrowIfNull(output);
        FinishReason ??= reason;
        if (_stopped || Match(tail, output))
            return;
        output.Write(_held.AsSpan(_heldStart.._heldEnd));
        _heldStart = _heldEnd;
    }

    /// <summary>Appends the text to what is held and passes on what is decided; true if a stop string is whole.</summary>
    private bool Match(ReadOnlySpan<char> text, IBufferWriter<char> output)
    {
        if (_automaton is null)
        {
            output.Write(text);
            return false;
        }
        Hold(text);
        for (int end = _heldEnd - text.Length; end < _heldEnd; )
        {
            _state = _automaton.Next(_state, _held[end++]);
            int match = _automaton.Match(_state);
            if (match == 0)
                continue;
            output.Write(_held.AsSpan(_heldStart..(end - match)));
            _heldStart = _heldEnd;
            _stopped = true;
            return true;
        }
        int decided = _heldEnd - _automaton.Depth(_state);
        output.Write(_held.AsSpan(_heldStart..decided));
        _heldStart = decided;
        return false;
    }

    private void Hold(ReadOnlySpan<char> text)
    {
        if (text.Length > _held.Length - _heldEnd)
        {
            int length = _heldEnd - _heldStart;
            // What is held moves when at least as much has been passed on, so that a character moves but a few times.
            char[] to =
                length + (long)text.Length > _held.Length / 2
                    ? new char[Math.Max(length + text.Length, 2 * _held.Length)]
                    : _held;
            _held.AsSpan(_heldStart, length).CopyTo(to);
            _held = to;
            _heldStart = 0;
            _heldEnd = length;
        }
        text.CopyTo(_held.AsSpan(_heldEnd));
        _heldEnd += text.Length;
    }
}
