namespace Hadal.Grammars;

/// <summary>
/// Reads regular expressions of ECMA-262 with the flag u. Beyond it, any ASCII punctuation may be escaped, and a hyphen beside a
/// class escape, as in <c>[\w-.]</c>, stands for itself, as without the flag. Not thread-safe.
/// </summary>
internal sealed class RegexParser
{
    private const int MaxLength = 65_536;
    private const int MaxDepth = 200;

    private static readonly CodePointSet s_notLineEnds = CodePointSet
        .Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029))
        .Complement();

    private readonly RegexReader _reader;
    private readonly Dictionary<int, int> _literals = [];
    private readonly Dictionary<CodePointSet, int> _numbers = [];
    private readonly List<CodePointSet> _sets = [];
    private int _depth;

    private RegexParser(string pattern) => _reader = new RegexReader(pattern);

    /// <summary>Reads a whole pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="sets">The sets that the nodes name by numbers.</param>
    /// <exception cref="GrammarException">It is broken or not supported.</exception>
    public static RegexNode Parse(string pattern, out List<CodePointSet> sets)
    {
        if (pattern.Length > MaxLength)
            throw new GrammarException(
                $"a pattern has {pattern.Length} characters, more than {MaxLength}"
            );
        var parser = new RegexParser(pattern);
        RegexNode node = parser.Alternatives();
        if (!parser._reader.IsAtEnd)
            throw parser._reader.Error(parser._reader.At, "a ')' without '('");
        sets = parser._sets;
        return node;
    }

    private RegexNode Alternatives()
    {
        RegexNode first = Sequence();
        if (_reader.Peek() != '|')
            return first;
        var node = new RegexNode(RegexNodeKind.Alternatives) { Child = first };
        for (RegexNode last = first; _reader.Take('|'); last = last.Sibling)
            last.Sibling = Sequence();
        return node;
    }

    private RegexNode Sequence()
    {
        RegexNode? last = null;
        int count = 0;
        while (!_reader.IsAtEnd && _reader.Peek() is not ('|' or ')'))
        {
            RegexNode item = Item();
            if (item.Kind == RegexNodeKind.Empty)
                continue;
            item.Sibling = last;
            last = item;
            count++;
        }
        return count switch
        {
            0 => new RegexNode(RegexNodeKind.Empty),
            1 => last!,
            _ => new RegexNode(RegexNodeKind.Sequence) { Child = last },
        };
    }

    private RegexNode Item()
    {
        int start = _reader.At;
        switch (_reader.Peek())
        {
            case '^':
                _reader.Skip(1);
                return Anchor(RegexNodeKind.Begin);
            case '$':
                _reader.Skip(1);
                return Anchor(RegexNodeKind.End);
            case '(':
                return Quantified(Group());
            case '[':
                _reader.Skip(1);
                return Quantified(OfSet(RegexClasses.Read(_reader)));
            case '.':
                _reader.Skip(1);
                return Quantified(OfSet(s_notLineEnds));
            case '\\':
                _reader.Skip(1);
                return Quantified(
                    RegexEscapes.Read(_reader, inClass: false, out int escaped) is { } set
                        ? OfSet(set)
                        : Literal(escaped)
                );
            case '*' or '+' or '?':
                throw _reader.Error(start, "a quantifier with nothing to repeat");
            case ('{' or '}' or ']') and var bracket:
                throw _reader.Error(
                    start,
                    $"a '{bracket}' that is neither escaped nor in its place"
                );
            default:
                return Quantified(Literal(_reader.TakeCodePoint()));
        }
    }

    private RegexNode Anchor(RegexNodeKind kind)
    {
        if (_reader.Peek() is '*' or '+' or '?' or '{')
            throw _reader.Error(_reader.At, "a quantifier with nothing to repeat");
        return new RegexNode(kind);
    }

    private RegexNode Group()
    {
        int start = _reader.At;
        _reader.Skip(1);
        if (_reader.Peek() == '?')
            GroupKind(start);
        if (++_depth > MaxDepth)
            throw _reader.Error(start, $"groups nested deeper than {MaxDepth}");
        RegexNode node = Alternatives();
        _depth--;
        if (!_reader.Take(')'))
            throw _reader.Error(start, "a '(' without ')'");
        return node;
    }

    private void GroupKind(int start)
    {
        if (_reader.Take("?:"))
            return;
        if (_reader.Take("?=") || _reader.Take("?!"))
            throw _reader.Error(start, "a look-ahead, which is not supported,");
        if (_reader.Take("?<=") || _reader.Take("?<!"))
            throw _reader.Error(start, "a look-behind, which is not supported,");
        if (_reader.Take("?<"))
        {
            string? name = _reader.TakeUntil('>');
            if (name == null || !IsName(name))
                throw _reader.Error(start, "a group with a broken name");
            return;
        }
        throw _reader.Error(start, "flags or an unknown kind of group, which are not supported,");
    }

    private static bool IsName(string name)
    {
        foreach (char c in name)
        {
            if (!char.IsLetterOrDigit(c) && c is not ('_' or '$'))
                return false;
        }
        return name.Length > 0 && !char.IsDigit(name[0]);
    }

    private RegexNode Quantified(RegexNode item)
    {
        int start = _reader.At;
        (int min, int? max) = (1, 1);
        if (_reader.Take('*'))
            (min, max) = (0, null);
        else if (_reader.Take('+'))
            (min, max) = (1, null);
        else if (_reader.Take('?'))
            (min, max) = (0, 1);
        else if (_reader.Take('{'))
            (min, max) = Braces(start);
        else
            return item;
        // Lazy ones accept the same texts.
        _reader.Take('?');
        if (max == 0 || item.Kind == RegexNodeKind.Empty)
            return new RegexNode(RegexNodeKind.Empty);
        return new RegexNode(RegexNodeKind.Repeat)
        {
            Child = item,
            Min = min,
            Max = max,
        };
    }

    private (int Min, int? Max) Braces(int start)
    {
        int? min = Number();
        int? max = min;
        if (_reader.Take(','))
            max = Number();
        if (min == null || !_reader.Take('}'))
            throw _reader.Error(start, "a quantifier that is none of {m}, {m,} and {m,n}");
        if (max < min)
            throw _reader.Error(start, "a quantifier whose numbers are out of order");
        return (min.Value, max);
    }

    /// <summary>Decimal digits as a number, or null if there are none. Numbers too large for an automaton are all the same.</summary>
    private int? Number()
    {
        int? number = null;
        for (; char.IsAsciiDigit(_reader.Peek()); _reader.Skip(1))
            number = Math.Min(10 * (number ?? 0) + _reader.Peek() - '0', 100_000_000);
        return number;
    }

    private RegexNode Literal(int codePoint)
    {
        if (!_literals.TryGetValue(codePoint, out int number))
        {
            number = _sets.Count;
            _sets.Add(CodePointSet.Of((codePoint, codePoint)));
            _literals.Add(codePoint, number);
        }
        return new RegexNode(RegexNodeKind.Set) { Set = number };
    }

    private RegexNode OfSet(CodePointSet set)
    {
        if (!_numbers.TryGetValue(set, out int number))
        {
            number = _sets.Count;
            _sets.Add(set);
            _numbers.Add(set, number);
        }
        return new RegexNode(RegexNodeKind.Set) { Set = number };
    }
}
