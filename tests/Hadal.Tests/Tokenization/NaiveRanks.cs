namespace Hadal.Tests.Tokenization;

/// <summary>
/// tiktoken's algorithm as its documentation tells it, to compare with: a word that is a token is that token; else the
/// leftmost two neighbours whose bytes together have the lowest rank are joined, again and again.
/// </summary>
internal sealed class NaiveRanks(IEnumerable<byte[]> tokens)
{
    private readonly Dictionary<string, int> _ranks = tokens
        .Select((token, rank) => (Key: Convert.ToHexString(token), rank))
        .ToDictionary(entry => entry.Key, entry => entry.rank);

    public int[] Encode(byte[] word)
    {
        if (_ranks.TryGetValue(Convert.ToHexString(word), out int whole))
            return [whole];
        List<string> parts = [.. word.Select(b => Convert.ToHexString([b]))];
        while (true)
        {
            int best = -1;
            int bestRank = int.MaxValue;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (_ranks.TryGetValue(parts[i] + parts[i + 1], out int rank) && rank < bestRank)
                    (best, bestRank) = (i, rank);
            }
            if (best < 0)
                return [.. parts.Select(part => _ranks[part])];
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }
}
