using System.Runtime.InteropServices;
using System.Text;

namespace Hadal.Grammars;

/// <summary>Makes a set of items of a <see cref="ByteAutomaton"/>: what lies after some byte of others. Not thread-safe.</summary>
internal sealed class ItemSetBuilder
{
    private readonly ByteAutomaton _automaton;
    private readonly byte[][] _marks;
    private readonly int _far;
    private readonly int[] _stamps;
    private readonly List<int> _open = [];
    private readonly List<GrammarItem> _built = [];
    private int _stamp;

    /// <param name="automaton">The automaton.</param>
    /// <param name="far">Bounds on characters are cut to it: more than a token has.</param>
    public ItemSetBuilder(ByteAutomaton automaton, int far)
    {
        _automaton = automaton;
        _marks = [.. automaton.Marks.Select(Encoding.UTF8.GetBytes)];
        _far = far;
        _stamps = new int[automaton.StateCount];
    }

    /// <summary>Begins a set.</summary>
    public void Begin()
    {
        _built.Clear();
        _stamp++;
    }

    /// <summary>The set: sorted, no two equal. Valid until the next begins.</summary>
    public ReadOnlySpan<GrammarItem> Build()
    {
        Span<GrammarItem> items = CollectionsMarshal.AsSpan(_built);
        items.Sort();
        int count = Math.Min(1, items.Length);
        for (int i = 1; i < items.Length; i++)
        {
            if (items[i] != items[count - 1])
                items[count++] = items[i];
        }
        return items[..count];
    }

    public void Add(GrammarItem item) => _built.Add(item);

    /// <summary>Adds an item with the bounds as they are after so many characters of its text.</summary>
    public void AddRecounted(GrammarItem item, int characters) =>
        _built.Add(
            _automaton.Text(item.State) is { IsCounted: true } text
                ? new GrammarItem(
                    item.State,
                    item.Place,
                    Math.Clamp(text.Min - characters, 0, _far),
                    text.Max < 0
                        ? GrammarItem.Unbounded
                        : Math.Clamp(text.Max - characters, 0, _far)
                )
                : item
        );

    /// <summary>Adds what lies after a byte of an item in a text, or up to a trigger.</summary>
    /// <returns>Whether the byte may come.</returns>
    public bool Step(GrammarItem item, byte value)
    {
        if (_automaton.Until(item.State) is { } until)
            return StepUntil(item.State, until, item.Place, [value]);
        TextSite text = _automaton.Text(item.State)!;
        (int state, int phase) = Math.DivRem(item.Place, text.Code.Count);
        if (phase == 0 && value == '"' && text.Code.IsJson)
        {
            if (!text.Characters.Accepts(state) || item.ToMin > 0)
                return false;
            AddPlace(text.After);
            return true;
        }
        int next = text.Code.Next(phase, value);
        if (next == CharCode.Dead || item.ToMax == 0)
            return false;
        if (next >= 0)
        {
            if (!GoesOn(text, state, next))
                return false;
            int place = state * text.Code.Count + next;
            _built.Add(new GrammarItem(item.State, place, item.ToMin, item.ToMax));
            return true;
        }
        state = text.Characters.Next(state, ~next);
        if (state < 0)
            return false;
        AddText(
            item.State,
            text,
            state,
            Math.Max(0, item.ToMin - 1),
            item.ToMax == GrammarItem.Unbounded ? item.ToMax : item.ToMax - 1
        );
        return true;
    }

    // Whether a character that begins so can be one that may come.
    private static bool GoesOn(TextSite text, int state, int phase)
    {
        ReadOnlySpan<ulong> classes = text.Code.Reachable(phase);
        for (int i = 0; i < text.Characters.ClassCount; i++)
        {
            if ((classes[i / 64] >> (i % 64) & 1) != 0 && text.Characters.Next(state, i) >= 0)
                return true;
        }
        return false;
    }

    /// <summary>Adds what lies after the token of a mark.</summary>
    public void StepMark(GrammarItem item, int mark)
    {
        if (_automaton.Until(item.State) is { } until)
        {
            StepUntil(item.State, until, item.Place, _marks[mark]);
            return;
        }
        foreach (Edge edge in _automaton.Edges(item.State))
        {
            if (edge.Kind == EdgeKind.Mark && edge.Data == mark)
                AddPlace(edge.Target);
        }
    }

    private bool StepUntil(int state, UntilSite until, int place, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            place = until.Next(place, bytes[i]);
            if (place >= 0)
                continue;
            // No mark has bytes after a trigger.
            bool isThere = place == UntilSite.Triggered && i == bytes.Length - 1;
            if (isThere)
                AddPlace(until.After);
            return isThere;
        }
        // Another mark would be read as more than text.
        bool isMark = bytes.Length > 1;
        if (isMark && place == 0)
            return false;
        _built.Add(new GrammarItem(state, place));
        return true;
    }

    /// <summary>Adds a state, and those that it leads to without a byte.</summary>
    public void AddPlace(int first)
    {
        _open.Add(first);
        while (_open.Count > 0)
        {
            int place = _open[^1];
            _open.RemoveAt(_open.Count - 1);
            if (_stamps[place] == _stamp)
                continue;
            _stamps[place] = _stamp;
            if (_automaton.Text(place) is { } text)
            {
                int toMax = text.Max < 0 ? GrammarItem.Unbounded : Math.Min(text.Max, _far);
                AddText(place, text, text.Characters.Start, Math.Min(text.Min, _far), toMax);
                continue;
            }
            if (_automaton.Until(place) is not null)
            {
                _built.Add(new GrammarItem(place));
                continue;
            }
            bool takes = false;
            foreach (Edge edge in _automaton.Edges(place))
            {
                if (edge.Kind == EdgeKind.Epsilon)
                    _open.Add(edge.Target);
                else
                    takes = true;
            }
            if (takes)
                _built.Add(new GrammarItem(place));
        }
    }

    private void AddText(int place, TextSite text, int state, int toMin, int toMax)
    {
        _built.Add(new GrammarItem(place, state * text.Code.Count, toMin, toMax));
        if (!text.Code.IsJson && toMin == 0 && text.Characters.Accepts(state))
            AddPlace(text.After);
    }
}
