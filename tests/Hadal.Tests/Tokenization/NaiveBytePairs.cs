using System.Text;
using System.Text.Json;

namespace Hadal.Tests.Tokenization;

/// <summary>
/// The textbook's byte-level BPE, to compare with: reads the file on its own, and merges the leftmost pair of the lowest
/// rank, one at a time, in quadratic time.
/// </summary>
internal sealed class NaiveBytePairs
{
    private readonly Dictionary<string, int> _ids = [];
    private readonly Dictionary<(string, string), int> _ranks = [];

    public NaiveBytePairs(string tokenizerJson)
    {
        using JsonDocument document = JsonDocument.Parse(tokenizerJson);
        JsonElement model = document.RootElement.GetProperty("model");
        foreach (JsonProperty token in model.GetProperty("vocab").EnumerateObject())
            _ids.Add(token.Name, token.Value.GetInt32());
        foreach (JsonElement merge in model.GetProperty("merges").EnumerateArray())
        {
            string[] pair = merge.GetString()!.Split(' ');
            _ranks[(pair[0], pair[1])] = _ranks.Count;
        }
    }

    public int[] Encode(string word)
    {
        List<string> parts =
        [
            .. Encoding.UTF8.GetBytes(word).Select(b => TestTokenizers.ByteLetters[b].ToString()),
        ];
        while (true)
        {
            int best = -1;
            int bestRank = int.MaxValue;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (_ranks.TryGetValue((parts[i], parts[i + 1]), out int rank) && rank < bestRank)
                    (best, bestRank) = (i, rank);
            }
            if (best < 0)
                return [.. parts.Select(part => _ids[part])];
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }
}
