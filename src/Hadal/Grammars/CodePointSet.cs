using System.Runtime.InteropServices;

namespace Hadal.Grammars;

/// <summary>A set of Unicode code points without surrogates. Immutable, thread-safe.</summary>
internal sealed class CodePointSet
{
    public const int FirstSurrogate = 0xD800;
    public const int AfterSurrogates = 0xE000;

    /// <summary>One more than the last code point.</summary>
    public const int Limit = 0x110000;

    public static readonly CodePointSet All = Of((0, Limit - 1));

    private readonly int[] _bounds;

    private CodePointSet(int[] bounds) => _bounds = bounds;

    /// <summary>Ascending: the set holds [b₀, b₁), [b₂, b₃) and so on.</summary>
    public ReadOnlySpan<int> Bounds => _bounds;

    public bool IsEmpty => _bounds.Length == 0;

    public static CodePointSet Of(params ReadOnlySpan<(int First, int Last)> ranges) =>
        Of(ranges.ToArray(), ranges.Length);

    /// <summary>The union of ranges in any order, which this sorts in place.</summary>
    public static CodePointSet Of(List<(int First, int Last)> ranges) =>
        Of(CollectionsMarshal.AsSpan(ranges), ranges.Count);

    public CodePointSet Complement()
    {
        var ranges = new List<(int, int)>(_bounds.Length / 2 + 1);
        int from = 0;
        for (int i = 0; i < _bounds.Length; i += 2)
        {
            if (_bounds[i] > from)
                ranges.Add((from, _bounds[i] - 1));
            from = _bounds[i + 1];
        }
        if (from < Limit)
            ranges.Add((from, Limit - 1));
        return Of(ranges);
    }

    public void AddTo(List<(int First, int Last)> ranges)
    {
        for (int i = 0; i < _bounds.Length; i += 2)
            ranges.Add((_bounds[i], _bounds[i + 1] - 1));
    }

    private static CodePointSet Of(Span<(int First, int Last)> ranges, int count)
    {
        ranges.Sort();
        var bounds = new List<int>(2 * count + 2);
        foreach ((int first, int last) in ranges)
        {
            // A range may reach over the surrogates, which belong to no set.
            Append(bounds, first, Math.Min(last + 1, FirstSurrogate));
            Append(bounds, Math.Max(first, AfterSurrogates), last + 1);
        }
        return new CodePointSet([.. bounds]);
    }

    private static void Append(List<int> bounds, int first, int end)
    {
        if (first >= end)
            return;
        if (bounds.Count > 0 && bounds[^1] >= first)
            bounds[^1] = Math.Max(bounds[^1], end);
        else
        {
            bounds.Add(first);
            bounds.Add(end);
        }
    }
}
