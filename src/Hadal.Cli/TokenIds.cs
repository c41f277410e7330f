using System.Globalization;

namespace Hadal.Cli;

/// <summary>Reads token ids that a user or a script wrote.</summary>
internal static class TokenIds
{
    private static readonly char[] Separators = [' ', ',', ';', '\t', '\r', '\n', '[', ']'];

    /// <exception cref="UsageException">A number is none, or beyond the vocabulary.</exception>
    public static int[] Parse(string text, int vocabularySize) =>
        [
            .. text.Split(Separators, StringSplitOptions.RemoveEmptyEntries)
                .Select(word =>
                    int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                    && id < vocabularySize
                        ? id
                        : throw new UsageException(
                            $"'{word}' is no token id; the vocabulary's are 0 to {vocabularySize - 1}"
                        )
                ),
        ];
}
