using System.Runtime.InteropServices;

namespace Hadal.Grammars;

/// <summary>
/// How the classes of characters of a <see cref="CharAutomaton"/> are written in bytes: as UTF-8, or in a JSON string with its
/// escapes. A graph of phases; phase 0 is between two characters. Immutable, thread-safe.
/// </summary>
internal sealed class CharCode
{
    /// <summary>What <see cref="Next"/> gives where no character goes on so.</summary>
    public const int Dead = int.MinValue;

    private readonly CharAutomaton _automaton;
    private readonly List<int[]> _rows = [];
    private readonly Dictionary<RowKey, int> _ids = [];
    private readonly Dictionary<(int Left, int Class, bool Hex), int> _uniform = [];
    private readonly List<ulong[]> _reachable = [];

    private CharCode(CharAutomaton automaton, bool isJson)
    {
        _automaton = automaton;
        IsJson = isJson;
        _rows.Add(NewRow(256));
        for (int b = 0; b < 0x80; b++)
        {
            if (!isJson || (b >= 0x20 && b != '"' && b != '\\'))
                _rows[0][b] = ~automaton.ClassOf(b);
        }
        for (int b = 0xC2; b <= 0xF4; b++)
        {
            (int left, int lead) =
                b < 0xE0 ? (1, b & 0x1F)
                : b < 0xF0 ? (2, b & 0xF)
                : (3, b & 7);
            // Neither longer forms than needed, nor surrogates, nor what is beyond U+10FFFF.
            (int first, int last) = b switch
            {
                0xE0 => (0x20, 0x3F),
                0xED => (0, 0x1F),
                0xF0 => (0x10, 0x3F),
                0xF4 => (0, 0xF),
                _ => (0, 0x3F),
            };
            _rows[0][b] = Continuation(left, lead << (6 * left), first, last);
        }
        if (isJson)
            _rows[0]['\\'] = Escapes();
        FindReachable();
    }

    /// <summary>Any character, in a JSON string.</summary>
    public static CharCode AnyInJson { get; } = new(CharAutomaton.Anything, isJson: true);

    /// <summary>Any character, in UTF-8.</summary>
    public static CharCode AnyInText { get; } = new(CharAutomaton.Anything, isJson: false);

    /// <summary>Whether it is in a JSON string.</summary>
    public bool IsJson { get; }

    /// <summary>Whether a pair of escaped surrogates may come, as in a string of any characters.</summary>
    public bool TakesPairs { get; private set; }

    /// <summary>The number of phases.</summary>
    public int Count => _rows.Count;

    public static CharCode Of(CharAutomaton automaton, bool isJson) =>
        automaton != CharAutomaton.Anything ? new CharCode(automaton, isJson)
        : isJson ? AnyInJson
        : AnyInText;

    /// <summary>The next phase, the complement of the class of the character that is whole with the byte, or <see cref="Dead"/>.</summary>
    public int Next(int phase, byte value) => _rows[phase][value];

    /// <summary>The bits of the classes of the characters that go on from a phase.</summary>
    public ReadOnlySpan<ulong> Reachable(int phase) => _reachable[phase];

    /// <summary>Marks each byte before which something changes.</summary>
    public void AddBoundaries(bool[] boundaries)
    {
        foreach (int[] row in _rows)
        {
            for (int b = 1; b < 256; b++)
                boundaries[b] |= row[b] != row[b - 1];
        }
    }

    // The phase in which so many bytes of 6 bits are left of a character from a code point on.
    private int Continuation(int left, int from, int first = 0, int last = 0x3F)
    {
        bool isWhole = first == 0 && last == 0x3F;
        if (isWhole && UniformClass(from, from + (1 << (6 * left)) - 1) is { } only)
            return Uniform(left, only, isHex: false);
        int[] row = NewRow(256);
        for (int i = first; i <= last; i++)
        {
            int child = from + (i << (6 * (left - 1)));
            row[0x80 + i] = left == 1 ? ~_automaton.ClassOf(child) : Continuation(left - 1, child);
        }
        return Intern(row);
    }

    private int Escapes()
    {
        int[] row = NewRow(256);
        ReadOnlySpan<char> escapes = "\"\"\\\\//b\bf\fn\nr\rt\t";
        for (int i = 0; i < escapes.Length; i += 2)
            row[escapes[i]] = ~_automaton.ClassOf(escapes[i + 1]);
        row['u'] = Hex(4, 0);
        return Intern(row);
    }

    // The phase in which so many hexadecimal digits are left of a UTF-16 unit.
    private int Hex(int left, int from)
    {
        int last = from + (1 << (4 * left)) - 1;
        bool hasSurrogates = from <= 0xDFFF && last >= 0xD800;
        if (!hasSurrogates && UniformClass(from, last) is { } only)
            return Uniform(left, only, isHex: true);
        int[] row = NewRow(256);
        for (int digit = 0; digit < 16; digit++)
        {
            int child = from + (digit << (4 * (left - 1)));
            int next =
                left == 3 && child is >= 0xD800 and <= 0xDFFF ? Surrogates(child)
                : left == 1 ? ~_automaton.ClassOf(child)
                : Hex(left - 1, child);
            SetDigit(row, digit, next);
        }
        return Intern(row);
    }

    // Two units of a pair; only where all such characters are of one class.
    private int Surrogates(int unit)
    {
        if (unit >= 0xDC00 || UniformClass(0x10000, 0x10FFFF) is not { } pair)
            return Dead;
        TakesPairs = true;
        int[] low = NewRow(256);
        for (int digit = 0xC; digit <= 0xF; digit++)
            SetDigit(low, digit, Uniform(2, pair, isHex: true));
        int next = Single('d', Intern(low), alsoUpper: true);
        next = Single('\\', Single('u', next));
        foreach (int _ in (int[])[1, 2])
        {
            int[] row = NewRow(256);
            for (int digit = 0; digit < 16; digit++)
                SetDigit(row, digit, next);
            next = Intern(row);
        }
        return next;
    }

    private int Single(char value, int next, bool alsoUpper = false)
    {
        int[] row = NewRow(256);
        row[value] = next;
        if (alsoUpper)
            row[char.ToUpperInvariant(value)] = next;
        return Intern(row);
    }

    // The phase in which whatever comes gives one class.
    private int Uniform(int left, int only, bool isHex)
    {
        if (_uniform.TryGetValue((left, only, isHex), out int phase))
            return phase;
        int next = left == 1 ? ~only : Uniform(left - 1, only, isHex);
        int[] row = NewRow(256);
        if (isHex)
        {
            for (int digit = 0; digit < 16; digit++)
                SetDigit(row, digit, next);
        }
        else
        {
            row.AsSpan(0x80, 0x40).Fill(next);
        }
        phase = Intern(row);
        _uniform.Add((left, only, isHex), phase);
        return phase;
    }

    private static void SetDigit(int[] row, int digit, int next)
    {
        row["0123456789abcdef"[digit]] = next;
        row["0123456789ABCDEF"[digit]] = next;
    }

    private int? UniformClass(int first, int last)
    {
        int only = _automaton.ClassOf(first);
        return EndOfRange(first) >= last ? only : null;
    }

    private int EndOfRange(int codePoint)
    {
        ReadOnlySpan<(int First, int Last, int Class)> ranges = _automaton.Ranges;
        (int low, int high) = (0, ranges.Length - 1);
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (ranges[middle].Last < codePoint)
                low = middle + 1;
            else
                high = middle;
        }
        return ranges[low].Last;
    }

    private int Intern(int[] row)
    {
        var key = new RowKey(row);
        if (_ids.TryGetValue(key, out int id))
            return id;
        _rows.Add(row);
        _ids.Add(key, _rows.Count - 1);
        return _rows.Count - 1;
    }

    private static int[] NewRow(int length)
    {
        var row = new int[length];
        row.AsSpan().Fill(Dead);
        return row;
    }

    private void FindReachable()
    {
        int words = (_automaton.ClassCount + 63) / 64;
        for (int phase = 0; phase < _rows.Count; phase++)
            _reachable.Add(new ulong[words]);
        // Phases but the first come after those that they lead to.
        for (int i = 1; i <= _rows.Count; i++)
        {
            int phase = i % _rows.Count;
            ulong[] bits = _reachable[phase];
            foreach (int next in _rows[phase])
            {
                if (next == Dead)
                    continue;
                if (next < 0)
                {
                    bits[~next / 64] |= 1UL << (~next % 64);
                    continue;
                }
                for (int word = 0; word < words; word++)
                    bits[word] |= _reachable[next][word];
            }
        }
    }

    private readonly struct RowKey(int[] row) : IEquatable<RowKey>
    {
        private readonly int[] _row = row;

        public bool Equals(RowKey other) => _row.AsSpan().SequenceEqual(other._row);

        public override bool Equals(object? obj) => obj is RowKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(_row.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
