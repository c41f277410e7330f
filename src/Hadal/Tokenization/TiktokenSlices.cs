using System.Text;

namespace Hadal.Tokenization;

/// <summary>
/// The slices in which Moonshot AI's tokenizers encode a text, each on its own: <c>encode</c> of
/// <c>tokenization_kimi.py</c> cuts after each 400,000 code points, and within a run of white space or of anything else
/// after each 25,000.
/// </summary>
internal static class TiktokenSlices
{
    private const int MaxCodePoints = 400_000;
    private const int MaxRun = 25_000;

    public static List<Range> Of(string text)
    {
        var slices = new List<Range>();
        int begin = 0;
        int inBlock = 0;
        int inRun = 0;
        bool wasSpace = false;
        for (int at = 0; at < text.Length; )
        {
            _ = Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out int length);
            bool isSpace = IsSpace(rune);
            if (inBlock == MaxCodePoints)
            {
                Cut(at);
                inBlock = 0;
            }
            else if (isSpace != wasSpace)
                inRun = 0;
            else if (inRun == MaxRun)
                Cut(at);
            wasSpace = isSpace;
            inBlock++;
            inRun++;
            at += length;
        }
        slices.Add(begin..text.Length);
        return slices;

        void Cut(int at)
        {
            slices.Add(begin..at);
            begin = at;
            inRun = 0;
        }
    }

    /// <summary>Python's <c>str.isspace</c>, which counts four separators that .NET doesn't.</summary>
    private static bool IsSpace(Rune rune) =>
        Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1C and <= 0x1F;
}
