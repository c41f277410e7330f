using System.Numerics;
using Hadal.Tokenization;

namespace Hadal.Tests.Grammars;

/// <summary>Tokens of masks: bit id % 64 of word id / 64. The benchmarks compile this file, too.</summary>
internal static class MaskBits
{
    /// <summary>The tokens that both masks have, counted.</summary>
    public static int Count(ReadOnlySpan<ulong> some, ReadOnlySpan<ulong> others)
    {
        int count = 0;
        for (int i = 0; i < some.Length; i++)
            count += BitOperations.PopCount(some[i] & others[i]);
        return count;
    }

    /// <summary>One of the tokens that both masks have, by its place among them.</summary>
    public static int Pick(ReadOnlySpan<ulong> some, ReadOnlySpan<ulong> others, int index)
    {
        for (int i = 0; ; i++)
        {
            ulong word = some[i] & others[i];
            int count = BitOperations.PopCount(word);
            if (index >= count)
            {
                index -= count;
                continue;
            }
            for (; index > 0; index--)
                word &= word - 1;
            return i * 64 + BitOperations.TrailingZeroCount(word);
        }
    }

    /// <summary>The ids of a mask's tokens.</summary>
    public static List<int> Ids(ReadOnlySpan<ulong> mask)
    {
        List<int> ids = [];
        for (int word = 0; word < mask.Length; word++)
        {
            for (ulong bits = mask[word]; bits != 0; bits &= bits - 1)
                ids.Add(word * 64 + BitOperations.TrailingZeroCount(bits));
        }
        return ids;
    }

    /// <summary>A mask of the tokens with a byte that ends a string, an object or an array.</summary>
    public static ulong[] Closing(DeepSeekTokenizer tokenizer)
    {
        var bits = new ulong[(tokenizer.VocabularySize + 63) / 64];
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            if (tokenizer.GetBytes(id).IndexOfAny("\"}]"u8) >= 0)
                bits[id / 64] |= 1UL << (id % 64);
        }
        return bits;
    }
}
