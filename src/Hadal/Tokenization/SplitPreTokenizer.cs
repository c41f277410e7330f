using System.Buffers;
using System.Text.RegularExpressions;

namespace Hadal.Tokenization;

/// <summary>
/// A sequence of Split stages with behavior Isolated: each stage cuts every piece of the stage before into its matches
/// and the gaps between them, so no character is lost. A pattern sees its piece as the whole text: a lookahead ends
/// where the piece ends. Thread-safe.
/// </summary>
/// <param name="stages">The patterns, in .NET's dialect.</param>
/// <param name="knowsHan">Whether a pattern tells the script Han from others.</param>
internal sealed class SplitPreTokenizer(IReadOnlyList<Regex> stages, bool knowsHan = false)
{
    /// <summary>The pieces of a text, in order; each is a word for BPE.</summary>
    /// <exception cref="TokenizerException">The patterns took longer than <paramref name="budget"/> allows.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public List<(int Offset, int Length)> Split(ReadOnlySpan<char> text, PatternBudget budget)
    {
        budget.Start();
        try
        {
            return text.ContainsAnyInRange('\uD800', '\uDFFF')
                ? SplitByProxy(text, budget)
                : SplitUnits(text, budget);
        }
        finally
        {
            budget.Stop();
        }
    }

    private List<(int Offset, int Length)> SplitByProxy(
        ReadOnlySpan<char> text,
        PatternBudget budget
    )
    {
        char[] proxy = ArrayPool<char>.Shared.Rent(text.Length + 1);
        int[] starts = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            int count = CategoryProxy.Fill(text, proxy, starts, knowsHan);
            List<(int Offset, int Length)> pieces = SplitUnits(proxy.AsSpan(0, count), budget);
            for (int i = 0; i < pieces.Count; i++)
            {
                (int offset, int length) = pieces[i];
                pieces[i] = (starts[offset], starts[offset + length] - starts[offset]);
            }
            return pieces;
        }
        finally
        {
            ArrayPool<char>.Shared.Return(proxy);
            ArrayPool<int>.Shared.Return(starts);
        }
    }

    /// <summary>The pieces of a text that has one UTF-16 unit a code point.</summary>
    private List<(int Offset, int Length)> SplitUnits(ReadOnlySpan<char> text, PatternBudget budget)
    {
        List<(int Offset, int Length)> pieces = [(0, text.Length)];
        foreach (Regex stage in stages)
        {
            var cut = new List<(int Offset, int Length)>(pieces.Count);
            try
            {
                foreach ((int offset, int length) in pieces)
                    Isolate(stage, text.Slice(offset, length), offset, cut, budget);
            }
            catch (RegexMatchTimeoutException e)
            {
                throw budget.Exceeded(stage, e);
            }
            pieces = cut;
        }
        return pieces;
    }

    private static void Isolate(
        Regex stage,
        ReadOnlySpan<char> piece,
        int offset,
        List<(int Offset, int Length)> cut,
        PatternBudget budget
    )
    {
        int end = 0;
        foreach (ValueMatch match in stage.EnumerateMatches(piece))
        {
            budget.Check(stage);
            if (match.Length == 0)
                continue;
            if (match.Index > end)
                cut.Add((offset + end, match.Index - end));
            cut.Add((offset + match.Index, match.Length));
            end = match.Index + match.Length;
        }
        if (end < piece.Length)
            cut.Add((offset + end, piece.Length - end));
        budget.Check(stage);
    }
}
