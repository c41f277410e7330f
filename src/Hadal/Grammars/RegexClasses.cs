namespace Hadal.Grammars;

/// <summary>Reads what stands between brackets in a regular expression.</summary>
internal static class RegexClasses
{
    /// <summary>Reads a class to its closing bracket.</summary>
    /// <param name="reader">The place behind the opening bracket.</param>
    /// <exception cref="GrammarException">It is broken.</exception>
    public static CodePointSet Read(RegexReader reader)
    {
        int start = reader.At - 1;
        bool negated = reader.Take('^');
        var ranges = new List<(int, int)>();
        while (!reader.Take(']'))
        {
            int at = reader.At;
            CodePointSet? set = Atom(reader, start, out int first);
            set?.AddTo(ranges);
            bool isRange = reader.Peek() == '-' && reader.Peek(1) != ']';
            if (!isRange)
            {
                if (set == null)
                    ranges.Add((first, first));
                continue;
            }
            reader.Skip(1);
            CodePointSet? endSet = Atom(reader, start, out int last);
            endSet?.AddTo(ranges);
            if (set == null && endSet == null)
            {
                if (last < first)
                    throw reader.Error(at, "a range that is out of order");
                ranges.Add((first, last));
                continue;
            }
            // A hyphen beside a set is no range.
            ranges.Add(('-', '-'));
            if (set == null)
                ranges.Add((first, first));
            if (endSet == null)
                ranges.Add((last, last));
        }
        CodePointSet all = CodePointSet.Of(ranges);
        return negated ? all.Complement() : all;
    }

    private static CodePointSet? Atom(RegexReader reader, int start, out int codePoint)
    {
        if (reader.IsAtEnd)
            throw reader.Error(start, "a '[' without ']'");
        codePoint = reader.TakeCodePoint();
        return codePoint == '\\' ? RegexEscapes.Read(reader, inClass: true, out codePoint) : null;
    }
}
