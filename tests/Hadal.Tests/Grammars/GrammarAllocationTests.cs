using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Grammars;

/// <summary>Steps that a grammar has seen before allocate nothing.</summary>
[Collection(nameof(WholeProcess))]
public sealed class GrammarAllocationTests
{
    [Theory]
    [InlineData("invoice")]
    [InlineData("enum-of-1000-titles")]
    [InlineData("network-interface")]
    [InlineData("any-of-60-events")]
    [InlineData("linked-list")]
    [InlineData("geojson")]
    [InlineData("json-value")]
    [InlineData("chat-request")]
    [InlineData("map-of-patterns")]
    [InlineData("record-220-properties")]
    public void The_second_time_through_a_text_allocates_nothing(string name)
    {
        var grammar = Grammar.FromJsonSchema(TestSchemas.All[name]);
        var walk = new RandomWalk(TestTokenizers.V3);
        var random = new SplitMix64(4);
        List<int> tokens = walk.Draw(grammar, ref random, 200, tries: false).Tokens;
        var matchers = new Queue<GrammarMatcher>();
        for (int i = 0; i < 3; i++)
            matchers.Enqueue(new GrammarMatcher(grammar, GrammarVocabulary.Of(TestTokenizers.V3)));
        Round();
        Assert.Equal(0, Allocations.Of(Round));

        void Round()
        {
            GrammarMatcher matcher = matchers.Dequeue();
            foreach (int token in tokens)
            {
                matcher.Mask();
                matcher.Accept(token);
            }
        }
    }
}
