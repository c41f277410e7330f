using System.Text;
using System.Text.Json;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Grammars;

/// <summary>Texts drawn at random from the masks of DeepSeek's tokenizer, with no model. More with HADAL_TEST_ALL=1.</summary>
public sealed class RandomWalkTests(ITestOutputHelper output)
{
    private static readonly int s_rounds =
        Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1" ? 60 : 4;

    [Fact]
    public void Texts_that_end_satisfy_their_schemas()
    {
        Assert.Equal(100, TestSchemas.All.Count);
        var walk = new RandomWalk(TestTokenizers.V3);
        var random = new SplitMix64(3);
        int ended = 0;
        int judged = 0;
        int boundedEnded = 0;
        foreach ((string name, JsonElement schema) in TestSchemas.All)
        {
            var grammar = Grammar.FromJsonSchema(schema);
            var oracle = new JsonOracle(schema);
            for (int round = 0; round < s_rounds; round++)
            {
                (List<int> tokens, bool ends) = walk.Draw(grammar, ref random, 400, tries: true);
                byte[] bytes = walk.Bytes(tokens);
                if (!ends)
                    continue;
                Assert.True(grammar.Accepts(bytes), name);
                string text = Encoding.UTF8.GetString(bytes);
                if (JsonOracle.CanJudge(text))
                {
                    Assert.True(oracle.Allows(text), $"{name}: {text}");
                    judged++;
                }
                ended++;
                boundedEnded += TestSchemas.Bounded.ContainsKey(name) ? 1 : 0;
            }
        }
        output.WriteLine(
            $"{ended} of {100 * s_rounds} texts ended, {judged} judged; {walk.Tried.Masks} masks tried with {walk.Tried.Tokens} tokens"
        );
        Assert.Equal(TestSchemas.Bounded.Count * s_rounds, boundedEnded);
        Assert.True(judged > 80 * s_rounds);
        Assert.True(walk.Tried.Masks > 200 * s_rounds);
        Assert.True(walk.Tried.Tokens > 2000 * s_rounds);
    }
}
