using System.Buffers;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Hadal.Tokenization;

/// <summary>
/// A sequence of Split stages with behavior Isolated: each stage cuts every piece of the stage before into its matches
/// and the gaps between them, so no character is lost. A pattern sees its piece as the whole text: a lookahead ends
/// where the piece ends. (The library's CompositePreTokenizer hands only the gaps on to the next stage.) Thread-safe.
/// </summary>
internal sealed class SplitPreTokenizer(IReadOnlyList<Regex> stages) : PreTokenizer
{
    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) =>
        PreTokenize(text.AsSpan());

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
    {
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
            return Split(text);
        char[] proxy = ArrayPool<char>.Shared.Rent(text.Length + 1);
        int[] starts = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            int count = CategoryProxy.Fill(text, proxy, starts);
            List<(int Offset, int Length)> pieces = Split(proxy.AsSpan(0, count));
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

    private List<(int Offset, int Length)> Split(ReadOnlySpan<char> text)
    {
        List<(int Offset, int Length)> pieces = [(0, text.Length)];
        foreach (Regex stage in stages)
        {
            var cut = new List<(int Offset, int Length)>(pieces.Count);
            foreach ((int offset, int length) in pieces)
                Isolate(stage, text.Slice(offset, length), offset, cut);
            pieces = cut;
        }
        return pieces;
    }

    private static void Isolate(
        Regex stage,
        ReadOnlySpan<char> piece,
        int offset,
        List<(int Offset, int Length)> cut
    )
    {
        int end = 0;
        foreach (ValueMatch match in stage.EnumerateMatches(piece))
        {
            if (match.Length == 0)
                continue;
            if (match.Index > end)
                cut.Add((offset + end, match.Index - end));
            cut.Add((offset + match.Index, match.Length));
            end = match.Index + match.Length;
        }
        if (end < piece.Length)
            cut.Add((offset + end, piece.Length - end));
    }
}
