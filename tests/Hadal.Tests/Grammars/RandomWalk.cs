using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Tokenization;

namespace Hadal.Tests.Grammars;

/// <summary>Texts drawn from the masks of grammars alone. Tokens that close something are preferred the more, the longer a text is.</summary>
internal sealed class RandomWalk
{
    private readonly DeepSeekTokenizer _tokenizer;
    private readonly GrammarVocabulary _vocabulary;
    private readonly ulong[] _closing;
    private readonly int[] _byBytes;
    private readonly int[] _places;

    public RandomWalk(DeepSeekTokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _vocabulary = GrammarVocabulary.Of(tokenizer);
        _closing = MaskBits.Closing(tokenizer);
        _byBytes = [.. Enumerable.Range(0, tokenizer.VocabularySize)];
        Array.Sort(
            _byBytes,
            (a, b) => tokenizer.GetBytes(a).SequenceCompareTo(tokenizer.GetBytes(b))
        );
        _places = new int[_byBytes.Length];
        for (int i = 0; i < _byBytes.Length; i++)
            _places[_byBytes[i]] = i;
    }

    /// <summary>The masks that were compared with trials of tokens, and the trials.</summary>
    public (int Masks, int Tokens) Tried { get; private set; }

    /// <summary>Draws a text.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="random">What is drawn.</param>
    /// <param name="limit">The most tokens.</param>
    /// <param name="tries">Whether tokens that some masks lack are tried.</param>
    /// <returns>Its tokens, and whether it ended.</returns>
    public (List<int> Tokens, bool Ends) Draw(
        Grammar grammar,
        ref SplitMix64 random,
        int limit,
        bool tries
    )
    {
        var matcher = new GrammarMatcher(grammar, _vocabulary);
        var tokens = new List<int>();
        while (true)
        {
            ReadOnlySpan<ulong> mask = matcher.Mask();
            int allowed = MaskBits.Count(mask, mask);
            if (matcher.MayEnd && (allowed == 0 || random.Next() % 3 == 0))
                return (tokens, true);
            Assert.NotEqual(0, allowed);
            if (tokens.Count == limit)
                return (tokens, false);
            if (tries && random.Next() % 4 == 0)
                Try(matcher, mask.ToArray(), ref random);
            int closing = MaskBits.Count(mask, _closing);
            bool closes = closing > 0 && (int)(random.Next() % 100) < 25 + tokens.Count;
            int token = closes
                ? MaskBits.Pick(mask, _closing, (int)(random.Next() % (ulong)closing))
                : MaskBits.Pick(mask, mask, (int)(random.Next() % (ulong)allowed));
            // All that the mask has can be taken.
            matcher.Accept(token);
            tokens.Add(token);
        }
    }

    public byte[] Bytes(IEnumerable<int> tokens) =>
        [.. tokens.SelectMany(token => _tokenizer.GetBytes(token).ToArray())];

    // Nothing that the mask lacks can be taken, not even what begins like a token that it has.
    private void Try(GrammarMatcher matcher, ulong[] mask, ref SplitMix64 random)
    {
        int allowed = MaskBits.Count(mask, mask);
        var tried = new List<int>();
        for (int i = 0; i < 8 && allowed > 0; i++)
        {
            int place = _places[MaskBits.Pick(mask, mask, (int)(random.Next() % (ulong)allowed))];
            for (int near = Math.Max(0, place - 2); near < place + 3; near++)
                tried.Add(_byBytes[Math.Min(near, _byBytes.Length - 1)]);
        }
        for (int i = 0; i < 8; i++)
            tried.Add((int)(random.Next() % (ulong)_byBytes.Length));
        int count = 0;
        foreach (int token in tried)
        {
            if ((mask[token / 64] >> (token % 64) & 1) != 0)
                continue;
            count++;
            Assert.Throws<InvalidOperationException>(() => matcher.Accept(token));
        }
        Assert.Equal(mask, matcher.Mask().ToArray());
        Tried = (Tried.Masks + 1, Tried.Tokens + count);
    }
}
