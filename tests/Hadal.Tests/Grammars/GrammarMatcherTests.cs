using System.Text.Json;
using Hadal.Grammars;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Grammars;

public sealed class GrammarMatcherTests
{
    private static readonly GrammarVocabulary s_vocabulary = GrammarVocabulary.Of(
        TestTokenizers.Small
    );

    private static Grammar Schema(string schema) =>
        Grammar.FromJsonSchema(JsonDocument.Parse(schema).RootElement);

    /// <summary>Bounds on characters are told by states for tokens of one length, by the true count for texts of any.</summary>
    [Theory]
    [InlineData(0, 3)]
    [InlineData(2, 7)]
    [InlineData(40, 60)]
    [InlineData(5, 1000)]
    [InlineData(300, 301)]
    public void A_string_has_as_many_characters_as_it_may(int min, int max)
    {
        Grammar grammar = Schema(
            $$"""{"type": "string", "minLength": {{min}}, "maxLength": {{max}}}"""
        );
        for (int seed = 0; seed < 5; seed++)
        {
            var random = new Random(seed);
            var matcher = new GrammarMatcher(grammar, s_vocabulary);
            List<int> ids = [];
            while (!matcher.MayEnd)
            {
                List<int> allowed = MaskBits.Ids(matcher.Mask());
                string text = TestTokenizers.Small.Decode([.. ids]);
                // What a token alone would do is told by a text of it and of those before.
                foreach (int token in allowed.Take(50))
                    Assert.InRange(Length(TestTokenizers.Small.Decode([.. ids, token])), 0, max);
                int next = allowed[random.Next(allowed.Count)];
                matcher.Accept(next);
                ids.Add(next);
                Assert.InRange(ids.Count, 1, max + 10);
            }
            string json = TestTokenizers.Small.Decode([.. ids]);
            string value = JsonDocument.Parse(json).RootElement.GetString()!;
            Assert.InRange(value.EnumerateRunes().Count(), min, max);
        }

        static int Length(string text)
        {
            // As many characters as there are at least, whatever escape or part of a character it ends in.
            int characters = 0;
            for (int i = 1; i < text.Length && text[i] != '"'; i++)
            {
                characters += char.IsLowSurrogate(text[i]) ? 0 : 1;
                if (text[i] == '\\')
                    i += i + 1 < text.Length && text[i + 1] == 'u' ? 11 : 1;
            }
            return characters;
        }
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public void Every_token_of_the_mask_is_taken_and_no_other(bool thinks, int seed)
    {
        Grammar grammar = Schema(
            """
            {"type": "object", "properties": {"a": {"type": "string", "maxLength": 4}, "b": {"type": "array", "items": {"type": "number"}}}, "required": ["a", "b"]}
            """
        );
        if (thinks)
            grammar = grammar.AfterThought();
        var random = new Random(seed);
        var ids = new List<int>();
        var matcher = new GrammarMatcher(grammar, s_vocabulary);
        for (int step = 0; step < 12; step++)
        {
            ulong[] mask = matcher.Mask().ToArray();
            for (int token = 0; token < s_vocabulary.Size; token++)
            {
                var trial = new GrammarMatcher(grammar, s_vocabulary);
                foreach (int id in ids)
                    trial.Accept(id);
                bool isAllowed = (mask[token / 64] >> (token % 64) & 1) != 0;
                if (isAllowed)
                    trial.Accept(token);
                else
                    Assert.Throws<InvalidOperationException>(() => trial.Accept(token));
                // What was refused changed nothing.
                if (!isAllowed)
                    Assert.Equal(mask, trial.Mask().ToArray());
            }
            List<int> allowed = MaskBits.Ids(mask);
            ids.Add(allowed[random.Next(allowed.Count)]);
            matcher.Accept(ids[^1]);
        }
    }

    /// <summary>The states of a long list are more than are kept; those of a text that rests meanwhile are made anew.</summary>
    [Fact]
    public void Forgotten_states_are_made_again()
    {
        const int Items = 12_000;
        const string Item = "\"abcdefghijklmnopqrstuvwxyz\"";
        Grammar grammar = Schema(
            $$$"""{"type": "array", "items": {"enum": ["abcdefghijklmnopqrstuvwxyz"]}, "minItems": {{{Items}}}, "maxItems": {{{Items}}}}"""
        );
        int[] Token(string text) => TestTokenizers.Small.Encode(text, addSpecialTokens: false);
        var resting = new GrammarMatcher(grammar, s_vocabulary);
        foreach (int token in Token("[\"abc"))
            resting.Accept(token);
        ulong[] before = resting.Mask().ToArray();
        GrammarStates states = grammar.TablesOf(s_vocabulary).States;
        var matcher = new GrammarMatcher(grammar, s_vocabulary);
        foreach (int token in Token("["))
            matcher.Accept(token);
        for (int i = 0; i < Items; i++)
        {
            foreach (int token in Token(i == 0 ? Item : $",{Item}"))
                matcher.Accept(token);
            if (i % 64 == 0)
                Assert.False(matcher.Mask().IsEmpty);
        }
        Assert.False(matcher.MayEnd);
        foreach (int token in Token("]"))
            matcher.Accept(token);
        Assert.True(matcher.MayEnd);
        Assert.NotSame(states, grammar.TablesOf(s_vocabulary).States);
        Assert.Equal(before, resting.Mask().ToArray());
    }

    [Fact]
    public void Threads_share_a_grammar()
    {
        Grammar grammar = Schema("{}");
        string[] alone = [.. Enumerable.Range(0, 8).Select(seed => Write(Schema("{}"), seed))];
        string[] together = new string[8];
        Parallel.For(0, 8, seed => together[seed] = Write(grammar, seed));
        Assert.Equal(alone, together);
    }

    private static string Write(Grammar grammar, int seed)
    {
        var random = new Random(seed);
        var matcher = new GrammarMatcher(grammar, s_vocabulary);
        List<int> ids = [];
        for (int step = 0; step < 150; step++)
        {
            List<int> allowed = MaskBits.Ids(matcher.Mask());
            if (allowed.Count == 0)
                break;
            ids.Add(allowed[random.Next(allowed.Count)]);
            matcher.Accept(ids[^1]);
        }
        return TestTokenizers.Small.Decode([.. ids]);
    }
}
