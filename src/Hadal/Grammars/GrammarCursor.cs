namespace Hadal.Grammars;

/// <summary>Where a text is: a state, and the stack of those before its open brackets.</summary>
internal sealed class GrammarCursor
{
    private readonly GrammarTables _tables;
    private GrammarStates _states;
    private int _state;
    private int[] _stack = new int[64];
    private int _depth;
    private int _characters;
    private int[] _before = new int[64];

    public GrammarCursor(GrammarTables tables, int start)
    {
        _tables = tables;
        lock (tables)
        {
            _states = tables.States;
            _state = _states.Enter(start);
        }
    }

    /// <summary>Whether the text may end.</summary>
    public bool MayEnd
    {
        get
        {
            lock (_tables)
                return _states.Traits(_state).MayEnd;
        }
    }

    /// <summary>The tokens that may come.</summary>
    public void Mask(Span<ulong> bits)
    {
        lock (_tables)
        {
            Renew();
            _tables.Mask(_state, _stack.AsSpan(0, _depth), bits);
        }
    }

    /// <summary>Takes bytes.</summary>
    /// <returns>False where they may not come; then nothing has changed.</returns>
    public bool TryTake(ReadOnlySpan<byte> bytes)
    {
        lock (_tables)
        {
            Renew();
            (int state, int depth, int characters) = (_state, _depth, _characters);
            // No more of the stack than there are bytes can change.
            int kept = Math.Max(0, depth - bytes.Length);
            if (_before.Length < depth - kept)
                _before = new int[_stack.Length];
            _stack.AsSpan(kept..depth).CopyTo(_before);
            foreach (byte value in bytes)
            {
                if (Step(value))
                    continue;
                (_state, _depth, _characters) = (state, depth, characters);
                _before.AsSpan(0, depth - kept).CopyTo(_stack.AsSpan(kept));
                return false;
            }
            Recount();
            return true;
        }
    }

    /// <summary>Takes a token of a mark.</summary>
    /// <returns>False where it may not come; then nothing has changed.</returns>
    public bool TryTakeMark(int mark)
    {
        lock (_tables)
        {
            Renew();
            int next = _states.NextMark(_state, mark);
            if (next == GrammarStates.Dead)
                return false;
            _state = next;
            // A text that begins after it has no character yet.
            _characters = 0;
            return true;
        }
    }

    private bool Step(byte value)
    {
        int next = _states.Next(_state, value);
        if (next == GrammarStates.Closes)
        {
            next = _states.Pop(_state, value, _stack[--_depth]);
        }
        else if (next <= GrammarStates.Opens)
        {
            if (_depth == _stack.Length)
                Array.Resize(ref _stack, 2 * _depth);
            _stack[_depth++] = _state;
            next = GrammarStates.Frame(next);
        }
        if (next == GrammarStates.Dead)
            return false;
        StateTraits after = _states.Traits(next);
        if (after.Counts)
        {
            if (!_states.Traits(_state).Counts)
                _characters = 0;
            else if (after.IsBetween)
                _characters++;
        }
        _state = next;
        return true;
    }

    private void Recount()
    {
        if (_states.Traits(_state).Counts)
            _state = _states.Recount(_state, _characters);
    }

    // Other texts may have filled the states, and begun new ones.
    private void Renew()
    {
        _tables.Trim();
        GrammarStates states = _tables.States;
        if (states == _states)
            return;
        _state = states.Import(_states, _state);
        for (int i = 0; i < _depth; i++)
            _stack[i] = states.Import(_states, _stack[i]);
        _states = states;
    }
}
