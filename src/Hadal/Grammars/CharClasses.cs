namespace Hadal.Grammars;

/// <summary>
/// A partition of the Unicode code points without surrogates: automata treat the code points of a class alike. Immutable,
/// thread-safe.
/// </summary>
internal sealed class CharClasses
{
    /// <summary>All code points in one class.</summary>
    public static readonly CharClasses One = new(
        [
            (0, CodePointSet.FirstSurrogate - 1, 0),
            (CodePointSet.AfterSurrogates, CodePointSet.Limit - 1, 0),
        ],
        1
    );

    private readonly (int First, int Last, int Class)[] _ranges;
    private readonly int[] _ofAscii = new int[128];

    private CharClasses((int First, int Last, int Class)[] ranges, int count)
    {
        _ranges = ranges;
        Count = count;
        foreach ((int first, int last, int charClass) in ranges)
        {
            for (int c = first; c <= last && c < _ofAscii.Length; c++)
                _ofAscii[c] = charClass;
        }
    }

    public int Count { get; }

    /// <summary>Ascending; they cover all code points but the surrogates.</summary>
    public ReadOnlySpan<(int First, int Last, int Class)> Ranges => _ranges;

    /// <summary>The class of a code point; −1 for a surrogate.</summary>
    public int Of(int codePoint)
    {
        if ((uint)codePoint < (uint)_ofAscii.Length)
            return _ofAscii[codePoint];
        int low = 0;
        int high = _ranges.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_ranges[middle].First <= codePoint)
                low = middle;
            else
                high = middle - 1;
        }
        return codePoint <= _ranges[low].Last ? _ranges[low].Class : -1;
    }

    /// <summary>The coarsest partition in which each of the sets is a union of classes, and those classes, ascending.</summary>
    /// <param name="sets">The sets.</param>
    /// <param name="maxMembers">The most classes that the sets may have together, which also bounds the time.</param>
    /// <param name="members">For each set its classes.</param>
    /// <returns>The partition, or null if there are more than <paramref name="maxMembers"/>.</returns>
    public static CharClasses? Separating(
        List<CodePointSet> sets,
        int maxMembers,
        out int[][] members
    )
    {
        int[] bounds = DistinctBounds(sets);
        int intervals = bounds.Length - 1;
        // Refines one class for all by each set, or by its complement where that has fewer intervals.
        var classes = new int[intervals];
        int count = 1;
        int steps = 0;
        var sizes = new List<int> { intervals };
        var inside = new List<int>();
        var moved = new Dictionary<int, (int Count, int Split)>();
        foreach (CodePointSet set in sets)
        {
            inside.Clear();
            int half = intervals / 2;
            AddIntervals(set, bounds, inside, CountIntervals(set, bounds) <= half);
            steps += inside.Count;
            if (steps > maxMembers)
            {
                members = [];
                return null;
            }
            moved.Clear();
            foreach (int i in inside)
                moved[classes[i]] = (moved.GetValueOrDefault(classes[i]).Count + 1, -1);
            foreach (int i in inside)
            {
                int old = classes[i];
                (int size, int split) = moved[old];
                if (size == sizes[old])
                    continue;
                if (split < 0)
                {
                    split = count++;
                    sizes.Add(0);
                    moved[old] = (size, split);
                }
                classes[i] = split;
                sizes[split]++;
            }
            foreach ((int old, (int size, int split)) in moved)
            {
                if (split >= 0)
                    sizes[old] -= size;
            }
        }
        members = new int[sets.Count][];
        CharClasses partition = OfIntervals(bounds, classes);
        return partition.FindMembers(sets, bounds, maxMembers, members) ? partition : null;
    }

    /// <summary>A class for each of some code points, ascending ones, and one for the others.</summary>
    public static CharClasses OfSingles(ReadOnlySpan<int> codePoints)
    {
        var ranges = new List<(int, int, int)>(2 * codePoints.Length + 2);
        int from = 0;
        for (int i = 0; i < codePoints.Length; i++)
        {
            AddOthers(ranges, from, codePoints[i]);
            ranges.Add((codePoints[i], codePoints[i], i + 1));
            from = codePoints[i] + 1;
        }
        AddOthers(ranges, from, CodePointSet.Limit);
        return new CharClasses([.. ranges], codePoints.Length + 1);

        static void AddOthers(List<(int, int, int)> ranges, int from, int end)
        {
            int first = Math.Max(from, CodePointSet.AfterSurrogates);
            if (from < Math.Min(end, CodePointSet.FirstSurrogate))
                ranges.Add((from, Math.Min(end, CodePointSet.FirstSurrogate) - 1, 0));
            if (first < end)
                ranges.Add((first, end - 1, 0));
        }
    }

    /// <summary>The coarsest partition that is finer than two, and for each of its classes the two that it lies in.</summary>
    public static CharClasses Combine(
        CharClasses a,
        CharClasses b,
        out List<(int A, int B)> parents
    )
    {
        parents = [];
        if (ReferenceEquals(a, b))
        {
            for (int c = 0; c < a.Count; c++)
                parents.Add((c, c));
            return a;
        }
        var numbers = new Dictionary<(int, int), int>();
        var ranges = new List<(int, int, int)>(a._ranges.Length + b._ranges.Length);
        for (int i = 0, j = 0; i < a._ranges.Length && j < b._ranges.Length; )
        {
            (int firstA, int lastA, int classA) = a._ranges[i];
            (int firstB, int lastB, int classB) = b._ranges[j];
            if (!numbers.TryGetValue((classA, classB), out int number))
            {
                number = parents.Count;
                numbers.Add((classA, classB), number);
                parents.Add((classA, classB));
            }
            Append(ranges, Math.Max(firstA, firstB), Math.Min(lastA, lastB), number);
            i += lastA <= lastB ? 1 : 0;
            j += lastB <= lastA ? 1 : 0;
        }
        return new CharClasses([.. ranges], parents.Count);
    }

    private static int[] DistinctBounds(List<CodePointSet> sets)
    {
        int total = 4;
        foreach (CodePointSet set in sets)
            total += set.Bounds.Length;
        var bounds = new int[total];
        CodePointSet.All.Bounds.CopyTo(bounds);
        int at = 4;
        foreach (CodePointSet set in sets)
        {
            set.Bounds.CopyTo(bounds.AsSpan(at));
            at += set.Bounds.Length;
        }
        Array.Sort(bounds);
        int distinct = 0;
        for (int i = 0; i < total; i++)
        {
            if (i == 0 || bounds[i] != bounds[i - 1])
                bounds[distinct++] = bounds[i];
        }
        return bounds[..distinct];
    }

    private static int CountIntervals(CodePointSet set, int[] bounds)
    {
        int count = 0;
        for (int i = 0; i < set.Bounds.Length; i += 2)
        {
            count += Array.BinarySearch(bounds, set.Bounds[i + 1]);
            count -= Array.BinarySearch(bounds, set.Bounds[i]);
        }
        return count;
    }

    /// <summary>The intervals between bounds that lie in the set, or those outside.</summary>
    private static void AddIntervals(
        CodePointSet set,
        int[] bounds,
        List<int> intervals,
        bool wanted
    )
    {
        int outside = 0;
        for (int i = 0; i < set.Bounds.Length; i += 2)
        {
            int from = Array.BinarySearch(bounds, set.Bounds[i]);
            int to = Array.BinarySearch(bounds, set.Bounds[i + 1]);
            for (int j = wanted ? from : outside; j < (wanted ? to : from); j++)
                intervals.Add(j);
            outside = to;
        }
        for (int j = outside; !wanted && j < bounds.Length - 1; j++)
            intervals.Add(j);
    }

    /// <summary>Numbers the classes by their first code points.</summary>
    private static CharClasses OfIntervals(int[] bounds, int[] classes)
    {
        var numbers = new int[classes.Length];
        Array.Fill(numbers, -1);
        int count = 0;
        var ranges = new List<(int, int, int)>(classes.Length);
        for (int i = 0; i < classes.Length; i++)
        {
            if (bounds[i] == CodePointSet.FirstSurrogate)
                continue;
            if (numbers[classes[i]] < 0)
                numbers[classes[i]] = count++;
            Append(ranges, bounds[i], bounds[i + 1] - 1, numbers[classes[i]]);
        }
        return new CharClasses([.. ranges], count);
    }

    private static void Append(List<(int, int, int)> ranges, int first, int last, int charClass)
    {
        if (ranges.Count > 0 && ranges[^1] is var (from, to, own))
        {
            if (own == charClass && to + 1 == first)
            {
                ranges[^1] = (from, last, own);
                return;
            }
        }
        ranges.Add((first, last, charClass));
    }

    private bool FindMembers(List<CodePointSet> sets, int[] bounds, int maxMembers, int[][] members)
    {
        var classes = new int[bounds.Length - 1];
        for (int i = 0; i < classes.Length; i++)
            classes[i] = Of(bounds[i]);
        var seen = new int[Count];
        var inside = new List<int>();
        var own = new List<int>();
        int total = 0;
        for (int set = 0; set < sets.Count; set++)
        {
            inside.Clear();
            own.Clear();
            AddIntervals(sets[set], bounds, inside, wanted: true);
            foreach (int i in inside)
            {
                if (seen[classes[i]] == set + 1)
                    continue;
                seen[classes[i]] = set + 1;
                own.Add(classes[i]);
            }
            own.Sort();
            members[set] = [.. own];
            total += own.Count;
            if (total > maxMembers)
                return false;
        }
        return true;
    }
}
