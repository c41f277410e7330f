using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Grammars;

/// <summary>
/// Random schemas and random values: a grammar accepts just the values that JsonSchema.Net says are valid, <c>oneOf</c> read as
/// <c>anyOf</c>. More with HADAL_TEST_ALL=1.
/// </summary>
public sealed class RandomSchemaTests(ITestOutputHelper output)
{
    private const int Values = 12;

    private static readonly int s_schemas =
        Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1" ? 20_000 : 300;

    [Fact]
    public void Grammars_and_JsonSchemaNet_agree()
    {
        var walk = new RandomWalk(TestTokenizers.Bytes);
        var drawn = new SplitMix64(1);
        int valid = 0;
        int invalid = 0;
        int nothing = 0;
        int texts = 0;
        for (int seed = 0; seed < s_schemas; seed++)
        {
            var random = new RandomSchemas(seed);
            JsonObject schema = random.Schema();
            JsonElement element = ToElement(schema);
            var oracle = new JsonOracle(ToElement(AnyOfForOneOf(schema)));
            Grammar? grammar = null;
            try
            {
                grammar = Grammar.FromJsonSchema(element);
            }
            catch (GrammarException e)
            {
                Assert.EndsWith("nothing satisfies it", e.Message, StringComparison.Ordinal);
                nothing++;
            }
            for (int i = 0; i < Values; i++)
            {
                JsonNode? value = random.Value(schema, schema, 3);
                bool expected = oracle.Allows(ToElement(value));
                // Valid in one of the orders of its members; invalid in all.
                bool accepted =
                    grammar is not null
                    && Orders(value)
                        .Take(2000)
                        .Any(text => grammar.Accepts(Encoding.UTF8.GetBytes(text)));
                Assert.True(
                    expected == accepted,
                    $"seed {seed}: {Text(value)} is {(expected ? "valid" : "invalid")} under {Text(schema)}"
                );
                if (expected)
                    valid++;
                else
                    invalid++;
            }
            for (int i = 0; i < 2 && grammar is not null; i++)
            {
                (List<int> tokens, bool ends) = walk.Draw(grammar, ref drawn, 300, tries: false);
                if (!ends)
                    continue;
                string text = Encoding.UTF8.GetString(walk.Bytes(tokens));
                if (!JsonOracle.CanJudge(text))
                    continue;
                Assert.True(oracle.Allows(text), $"seed {seed}: {text} under {Text(schema)}");
                texts++;
            }
        }
        output.WriteLine(
            $"{valid} valid and {invalid} invalid values, {nothing} schemas that nothing satisfies, {texts} texts drawn"
        );
        Assert.True(valid > 4 * s_schemas);
        Assert.True(invalid > 4 * s_schemas);
        Assert.True(nothing < s_schemas / 5);
        Assert.True(texts > s_schemas);
    }

    // All orders of the members of all objects.
    private static IEnumerable<string> Orders(JsonNode? value) =>
        value switch
        {
            JsonArray array => Joined([.. array.Select(Orders)]).Select(text => $"[{text}]"),
            JsonObject members => Permutations([.. members])
                .SelectMany(order =>
                    Joined([
                        .. order.Select(member =>
                            Orders(member.Value).Select(text => $"{Text(member.Key)}:{text}")
                        ),
                    ])
                )
                .Select(text => $"{{{text}}}"),
            _ => [Text(value)],
        };

    private static IEnumerable<string> Joined(IEnumerable<string>[] parts)
    {
        if (parts.Length == 0)
            return [""];
        if (parts.Length == 1)
            return parts[0];
        IEnumerable<string> rest = Joined(parts[1..]);
        return parts[0].SelectMany(first => rest.Select(other => $"{first},{other}"));
    }

    private static IEnumerable<IEnumerable<T>> Permutations<T>(IReadOnlyList<T> list)
    {
        if (list.Count == 0)
            return
            [
                [],
            ];
        return Enumerable
            .Range(0, list.Count)
            .SelectMany(i =>
                Permutations([.. list.Where((_, at) => at != i)])
                    .Select(rest => rest.Prepend(list[i]))
            );
    }

    private static JsonElement ToElement(JsonNode? node) => TestSchemas.Parse(Text(node));

    private static string Text(JsonNode? value) =>
        Encoding.UTF8.GetString(
            CompactText.Write(TestSchemas.Parse(value?.ToJsonString() ?? "null"), [])
        );

    private static JsonNode? AnyOfForOneOf(JsonNode? node)
    {
        switch (node)
        {
            case JsonArray array:
                return new JsonArray([.. array.Select(AnyOfForOneOf)]);
            case JsonObject members:
                return new JsonObject(
                    members.Select(member =>
                        KeyValuePair.Create(
                            member.Key == "oneOf" ? "anyOf" : member.Key,
                            AnyOfForOneOf(member.Value)
                        )
                    )
                );
            default:
                return node?.DeepClone();
        }
    }
}
