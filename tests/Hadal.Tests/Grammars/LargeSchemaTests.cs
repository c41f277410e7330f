using System.Text;
using System.Text.Json;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Grammars;

/// <summary>Schemas that are large, or that stand for much: they work, or are refused, with memory within bounds.</summary>
public sealed class LargeSchemaTests
{
    // What a grammar may have, a few times; what explodes takes many times as much.
    private const long MostBytes = 2L << 30;

    /// <summary>Each: the schema, a text of it, and one that isn't.</summary>
    public static TheoryData<string, Func<string>, string, string> Works =>
        new()
        {
            {
                "enum of 100 000",
                () => $$"""{"enum":[{{Joined(100_000, i => $"\"word {i}\"")}}]}""",
                "\"word 99999\"",
                "\"word 100000\""
            },
            {
                "two enums of 100 000",
                () =>
                    $$"""
                        {"allOf":[{"enum":[{{Joined(
                            100_000,
                            i => $"\"a{i}\""
                        )}}]},{"enum":[{{Joined(100_000, i => $"\"a{2 * i}\"")}}]}]}
                        """,
                "\"a99998\"",
                "\"a99999\""
            },
            {
                "enum of 10 000 objects beside properties",
                () =>
                    $$"""
                        {"enum":[{{Joined(
                            10_000,
                            i => $"{{\"a\":{i}}}"
                        )}}],"properties":{"a":{"enum":[{{Joined(10_000, i => $"{2 * i}")}}]} } }
                        """,
                """{"a":9998}""",
                """{"a":9999}"""
            },
            {
                "1 MB of descriptions",
                () =>
                    $$"""
                    {"type":"object","properties":{ {{Joined(
                        1000,
                        i => $$"""
                        "p{{i}}":{"type":"integer","description":"{{new string('x', 1000)}}"}
                        """
                    )}} },"additionalProperties":false}
                    """,
                """{"p0":1,"p999":2}""",
                """{"p1000":1}"""
            },
            {
                "one text of 1 MB",
                () => $"{{\"const\":\"{new string('x', 900_000)}\"}}",
                $"\"{new string('x', 900_000)}\"",
                "\"xx\""
            },
            {
                "anyOf of 10 000",
                () =>
                    $$"""
                    {"anyOf":[{{Joined(
                        10_000,
                        i => $$"""{"type":"object","properties":{"k":{"const":{{i}}} },"required":["k"],"additionalProperties":false}"""
                    )}}]}
                    """,
                """{"k":9999}""",
                """{"k":10000}"""
            },
            {
                "anyOf of 10 000 types",
                () =>
                    $$"""{"anyOf":[{{Joined(10_000, i => $$"""{"type":"string","minLength":{{i}} }""")}}]}""",
                "\"\"",
                "1"
            },
            {
                "maxLength of a billion",
                () => """{"type":"string","maxLength":1000000000}""",
                "\"ab\"",
                "1"
            },
            {
                "minLength of a billion beside what is short",
                () => """{"anyOf":[{"type":"string","minLength":1000000000},{"type":"null"}]}""",
                "null",
                "\"ab\""
            },
            {
                "lengths beyond what integers hold",
                () => """{"type":"string","maxLength":1e300}""",
                "\"ab\"",
                "1"
            },
            {
                "a bound of 400 digits",
                () => $$"""{"type":"integer","maximum":1{{new string('0', 400)}}}""",
                $"1{new string('0', 400)}",
                $"1{new string('0', 399)}1{new string('0', 0)}1"
            },
            {
                "10 000 definitions",
                () =>
                    $$"""
                    {"$defs":{ {{Joined(
                        10_000,
                        i => $$"""
                        "d{{i}}":{"type":"array","items":{"$ref":"#/$defs/d{{(i + 1) % 10_000}}"} }
                        """
                    )}} },"$ref":"#/$defs/d0"}
                    """,
                "[[[]],[]]",
                "[1]"
            },
        };

    [Theory]
    [MemberData(nameof(Works))]
    public void Large_schemas_work(string name, Func<string> schema, string valid, string invalid)
    {
        _ = name;
        JsonElement element = TestSchemas.Parse(schema());
        long before = GC.GetAllocatedBytesForCurrentThread();
        var grammar = Grammar.FromJsonSchema(element);
        Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(valid)));
        Assert.False(grammar.Accepts(Encoding.UTF8.GetBytes(invalid)));
        // A few tokens of a large vocabulary too.
        var random = new SplitMix64(1);
        new RandomWalk(TestTokenizers.Small).Draw(grammar, ref random, 20, tries: true);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
    }

    public static TheoryData<string, Func<string>, string> Refused =>
        new()
        {
            {
                "maxItems of a billion",
                () => """{"type":"array","maxItems":1000000000}""",
                "too large"
            },
            {
                "minItems of a billion",
                () => """{"type":"array","minItems":1000000000}""",
                "too large"
            },
            {
                "a pattern that explodes",
                () => """{"type":"string","pattern":"(a|b)*a(a|b){30}c"}""",
                "too large"
            },
            {
                "a pattern of large repetitions",
                () => """{"type":"string","pattern":"^(((a{1000}){1000}){1000})$"}""",
                "too large"
            },
            {
                "patterns that explode together",
                () =>
                    $$"""
                        {"type":"string","allOf":[{{Joined(
                            12,
                            i => $$"""{"pattern":"^({{new string('.', i + 2)}})*x?$"}"""
                        )}}]}
                        """,
                "too large"
            },
            {
                "a pattern and a length of a million",
                () => """{"type":"string","pattern":"^[a-z]*$","minLength":1000000}""",
                "too large"
            },
            {
                "alternatives that multiply",
                () =>
                    $$"""
                        {"allOf":[{{Joined(
                            20,
                            i => $$"""{"anyOf":[{"required":["a{{i}}"]},{"required":["b{{i}}"]}]}"""
                        )}}]}
                        """,
                "alternatives"
            },
            {
                "references that multiply",
                () =>
                    $$"""
                    {"$defs":{ {{Joined(
                        40,
                        i => $$"""
                        "d{{i}}":{"anyOf":[{"$ref":"#/$defs/d{{i + 1}}"},{"$ref":"#/$defs/d{{i + 1}}"}]}
                        """
                    )}},"d40":{"type":"null"} },"$ref":"#/$defs/d0"}
                    """,
                "alternatives"
            },
            {
                "a chain of 1000 references",
                () =>
                    $$"""
                        {"$defs":{ {{Joined(
                            1000,
                            i => $$""" "d{{i}}":{"$ref":"#/$defs/d{{i + 1}}"} """
                        )}},"d1000":{"type":"null"} },"$ref":"#/$defs/d0"}
                        """,
                "references"
            },
            {
                "10 MB of names",
                () =>
                    $$"""
                        {"type":"object","properties":{ {{Joined(
                            10_000,
                            i => $"\"{new string('n', 1000)}{i}\":true"
                        )}} } }
                        """,
                "too large"
            },
        };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_too_large_is_refused(string name, Func<string> schema, string message)
    {
        _ = name;
        JsonElement element = TestSchemas.Parse(schema());
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<GrammarException>(() => Grammar.FromJsonSchema(element));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
    }

    [Theory]
    [InlineData("{\"type\":\"array\",\"items\":", "}", "{\"type\":\"null\"}")]
    [InlineData("{\"type\":\"object\",\"properties\":{\"a\":", "}}", "true")]
    [InlineData("{\"allOf\":[", "]}", "true")]
    [InlineData("{\"anyOf\":[", "]}", "true")]
    public void Schemas_10_000_levels_deep_work_or_are_refused(
        string open,
        string close,
        string inner
    )
    {
        string schema = string.Concat(
            Enumerable.Repeat(open, 10_000).Append(inner).Concat(Enumerable.Repeat(close, 10_000))
        );
        using var document = JsonDocument.Parse(
            schema,
            new JsonDocumentOptions { MaxDepth = 100_000 }
        );
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var grammar = Grammar.FromJsonSchema(document.RootElement);
            Assert.True(grammar.Accepts("[]"u8) || grammar.Accepts("{}"u8));
        }
        catch (GrammarException e)
        {
            Assert.StartsWith("schema#", e.Message, StringComparison.Ordinal);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
    }

    [Fact]
    public void Constants_10_000_levels_deep_work_or_are_refused()
    {
        string value = new string('[', 10_000) + new string(']', 10_000);
        using var document = JsonDocument.Parse(
            $$"""{"anyOf":[{"const":{{value}} },{"enum":[{{value}}],"items":{} }]}""",
            new JsonDocumentOptions { MaxDepth = 100_000 }
        );
        try
        {
            Assert.True(
                Grammar.FromJsonSchema(document.RootElement).Accepts(Encoding.UTF8.GetBytes(value))
            );
        }
        catch (GrammarException e)
        {
            Assert.StartsWith("schema#", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Values_that_may_be_read_in_too_many_ways_are_refused()
    {
        // Two ways at each of 60 levels, and the innermost value is of none.
        string value = new string('[', 60) + "1" + new string(']', 60);
        var error = Assert.Throws<GrammarException>(() =>
            Grammar.FromJsonSchema(
                TestSchemas.Parse(
                    $$$$"""
                    {"$defs":{"t":{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/t"}},{"type":"array","maxItems":9,"items":{"$ref":"#/$defs/t"}}]}},
                     "$ref":"#/$defs/t","const":{{{{value}}}} }
                    """
                )
            )
        );
        Assert.Contains("read in too many ways", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Combinations_of_too_many_schemas_are_refused()
    {
        string some = Joined(10_000, i => $$"""{"maxLength":{{i}} }""");
        string more = Joined(10_000, i => $$"""{"minLength":{{i}} }""");
        var error = Assert.Throws<GrammarException>(() =>
            Grammar.FromJsonSchema(
                TestSchemas.Parse($$"""{"allOf":[{"anyOf":[{{some}}]},{{more}}]}""")
            )
        );
        Assert.Contains("combines too many", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Which patterns hold depends on each character that is read.</summary>
    [Fact]
    public void A_text_of_too_many_readings_fails_and_the_grammar_lives()
    {
        string patterns = Joined(
            520,
            i => "{\"pattern\":\"^.{" + i / 26 + "}" + (char)('a' + i % 26) + ".*z$\"}"
        );
        var grammar = Grammar.FromJsonSchema(
            TestSchemas.Parse($$"""{"type":"string","anyOf":[{{patterns}}]}""")
        );
        GrammarVocabulary vocabulary = GrammarVocabulary.Of(TestTokenizers.V3);
        var matcher = new GrammarMatcher(grammar, vocabulary);
        int quote = TestTokenizers.V3.Encode("\"", addSpecialTokens: false)[0];
        var error = Assert.Throws<GrammarException>(() =>
        {
            matcher.Accept(quote);
            _ = matcher.Mask();
        });
        Assert.Contains("too many readings", error.Message, StringComparison.Ordinal);
        new GrammarMatcher(grammar, vocabulary).Accept(quote);
    }

    [Fact]
    public void Texts_may_be_nested_as_deep_as_they_are_long()
    {
        var grammar = Grammar.FromJsonSchema(
            TestSchemas.Parse("""{"type":"array","items":{"$ref":"#"}}""")
        );
        string text = new string('[', 10_000) + new string(']', 10_000);
        Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(text)));
        Assert.False(grammar.Accepts(Encoding.UTF8.GetBytes(text + "]")));
        Assert.False(grammar.Accepts(Encoding.UTF8.GetBytes(text[..^1])));
    }

    private static string Joined(int count, Func<int, string> part) =>
        string.Join(',', Enumerable.Range(0, count).Select(part));
}
