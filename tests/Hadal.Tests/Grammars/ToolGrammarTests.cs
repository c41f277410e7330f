using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Grammars;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;
using Hadal.Tokenization;
using Json.Schema;

namespace Hadal.Tests.Grammars;

public sealed class ToolGrammarTests(ChatModels models) : IClassFixture<ChatModels>
{
    private const string Depth = """
        {"name": "get_depth", "description": "Depth of the sea", "parameters": {
          "type": "object", "required": ["place", "at"], "additionalProperties": false, "properties": {
            "place": {"type": "string", "maxLength": 12},
            "code": {"type": "string", "pattern": "^[A-Z]{2}<?[0-9]+$", "maxLength": 6},
            "unit": {"enum": ["m", "fathom", 3, null]},
            "at": {"type": "object", "required": ["lat"], "additionalProperties": false, "properties": {
              "lat": {"type": "number", "minimum": -90, "maximum": 90}, "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 2}}},
            "either": {"type": ["integer", "string"], "maxLength": 4}}}}
        """;

    private const string Now = """{"name": "now"}""";

    private const string Map = """
        {"name": "put", "parameters": {"type": "object", "additionalProperties": {"type": ["boolean", "null"]}}}
        """;

    private static ToolDefinition[] Tools =>
        [.. ((string[])[Depth, Now, Map]).Select(text => new ToolDefinition(Parse(text)))];

    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public void What_may_be_written_is_read_as_calls_with_valid_arguments(ChatFormat format)
    {
        DeepSeekTokenizer tokenizer = Tokenizer(format);
        Grammar grammar = Grammar.FromTools(format, Tools, required: true);
        var seen = new HashSet<string>();
        int calls = 0;
        for (int seed = 0; seed < 60; seed++)
        {
            if (Write(grammar, tokenizer, seed) is not { } text)
                continue;
            Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(text)), text);
            foreach ((string name, string arguments) in Read(format, text, thinking: false))
            {
                seen.Add(name);
                calls++;
                ToolDefinition tool = Tools.Single(tool => tool.Name == name);
                JsonElement parsed = Parse(arguments);
                Assert.Equal(JsonValueKind.Object, parsed.ValueKind);
                if (tool.Parameters is { } schema)
                    Assert.True(
                        JsonSchema.FromText(schema.GetRawText()).Evaluate(parsed).IsValid,
                        arguments
                    );
                else
                    Assert.Equal("{}", arguments);
            }
        }
        Assert.Equal(3, seen.Count);
        Assert.InRange(calls, 30, int.MaxValue);
    }

    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public void Calls_of_the_published_prompts_may_be_written(ChatFormat format)
    {
        ToolDefinition tool = new(
            Parse(
                """{"name": "find", "parameters": {"type": "object", "properties": {"q": {"type": "string"}, "n": {"type": "integer"}}, "required": ["q"]}}"""
            )
        );
        // As DeepSeek's encoders write them; see the published prompts.
        string call =
            format == ChatFormat.V31
                ? """<｜tool▁call▁begin｜>find<｜tool▁sep｜>{"q": "a \"b\"", "n": 2}<｜tool▁call▁end｜>"""
                : """
                    <｜DSML｜invoke name="find">
                    <｜DSML｜parameter name="q" string="true">a "b" <b>
                    </｜DSML｜parameter>
                    <｜DSML｜parameter name="n" string="false">2</｜DSML｜parameter>
                    </｜DSML｜invoke>

                    """.ReplaceLineEndings("\n");
        (string begin, string end) =
            format == ChatFormat.V31
                ? ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")
                : ("<｜DSML｜function_calls>\n", "</｜DSML｜function_calls>");
        if (format == ChatFormat.V32)
            begin = "\n\n" + begin;
        Grammar must = Grammar.FromTools(format, [tool], required: true);
        Grammar one = Grammar.FromTools(format, [tool], required: true, parallel: false);
        Grammar may = Grammar.FromTools(format, [tool], required: false);
        Assert.True(Accepts(must, begin + call + end));
        Assert.True(Accepts(must, begin + call + call + end));
        Assert.True(Accepts(one, begin + call + end));
        Assert.False(Accepts(one, begin + call + call + end));
        Assert.True(Accepts(may, "I look. <｜DSM" + "\n\n" + begin + call + end));
        Assert.True(Accepts(may, "I look, and find < nothing"));
        Assert.True(Accepts(may.AfterThought(), "Hm, <tt></think>Yes." + begin + call + end));
        Assert.False(Accepts(must.AfterThought(), "Hm</think>Yes." + begin + call + end));
        // What a parser would read as a call that no grammar has seen.
        string other =
            format == ChatFormat.V32
                ? "<｜DSML｜invoke name=\"other\">"
                : "<｜tool▁call▁begin｜>other";
        Assert.False(Accepts(may, other));
        Assert.False(Accepts(may.AfterThought(), $"Hm {other}</think>"));
        foreach (
            string wrong in (string[])
                [begin, begin + end, call, begin + call, "Yes", begin + call + end + "x"]
        )
            Assert.False(Accepts(must, wrong), wrong);
        Assert.False(
            Accepts(must, begin + call.Replace("find", "found", StringComparison.Ordinal) + end)
        );
        Assert.False(
            Accepts(must, begin + call.Replace("2", "2.5", StringComparison.Ordinal) + end)
        );
    }

    [Theory]
    [InlineData(ChatFormat.V31, "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>")]
    [InlineData(ChatFormat.V32, null, "｜DSML｜")]
    public void Marks_of_calls_come_where_calls_do(ChatFormat format, string? begin, string other)
    {
        DeepSeekTokenizer tokenizer = Tokenizer(format);
        Grammar grammar = Grammar.FromTools(format, Tools, required: false);
        GrammarVocabulary vocabulary = GrammarVocabulary.Of(tokenizer);
        Assert.False(Has(new GrammarMatcher(grammar, vocabulary), other));
        Assert.False(Has(new GrammarMatcher(grammar.AfterThought(), vocabulary), other));
        Assert.False(Has(new GrammarMatcher(grammar, vocabulary), "</think>"));
        Assert.True(Has(new GrammarMatcher(grammar.AfterThought(), vocabulary), "</think>"));
        if (begin is not null)
            Assert.True(Has(new GrammarMatcher(grammar, vocabulary), begin));
        var after = new GrammarMatcher(grammar, vocabulary);
        foreach (int id in tokenizer.Encode("Now <", addSpecialTokens: false))
            after.Accept(id);
        Assert.Equal(format == ChatFormat.V32, Has(after, other));

        bool Has(GrammarMatcher matcher, string mark)
        {
            Assert.True(tokenizer.TryGetAddedToken(mark, out int id));
            return (matcher.Mask()[id / 64] >> (id % 64) & 1) != 0;
        }
    }

    [Fact]
    public void A_value_can_not_end_its_call()
    {
        DeepSeekTokenizer tokenizer = Tokenizer(ChatFormat.V32);
        string tool =
            """{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string", "maxLength": 99}}, "required": ["a", "b"]}}""";
        Grammar grammar = Grammar.FromTools(
            ChatFormat.V32,
            [new ToolDefinition(Parse(tool))],
            required: true
        );
        const string Begin =
            "\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">x";
        const string Next = "</｜DSML｜parameter>\n<｜DSML｜parameter name=\"b\" string=\"true\">y";
        const string End = "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>";
        Assert.True(Accepts(grammar, Begin + "< </｜ <｜DSML" + Next + End));
        foreach (
            string markup in (string[])
                ["</｜DSML｜invoke>", "<｜DSML｜parameter name=\"z\" string=\"true\">"]
        )
        {
            Assert.False(Accepts(grammar, Begin + markup + Next + End));
            Assert.False(Accepts(grammar, Begin + Next + markup + End));
        }
        // The same by tokens.
        var matcher = new GrammarMatcher(grammar, GrammarVocabulary.Of(tokenizer));
        foreach (int id in tokenizer.Encode(Begin + "</｜DSML｜", false, parseSpecialTokens: true))
            matcher.Accept(id);
        int invoke = tokenizer.Encode("i", addSpecialTokens: false)[0];
        Assert.Throws<InvalidOperationException>(() => matcher.Accept(invoke));
        Assert.Throws<GrammarException>(() =>
            Grammar.FromTools(
                ChatFormat.V32,
                [
                    new ToolDefinition(
                        Parse(
                            """{"name": "f", "parameters": {"type": "object", "properties": {"a": {"enum": ["</｜DSML｜invoke>"]}}}}"""
                        )
                    ),
                ],
                required: true
            )
        );
    }

    [Fact]
    public void A_call_without_arguments_leaves_an_empty_line()
    {
        Grammar grammar = Grammar.FromTools(
            ChatFormat.V32,
            [new ToolDefinition(Parse(Now))],
            required: true
        );
        Assert.True(
            Accepts(
                grammar,
                "\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"now\">\n\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"
            )
        );
    }

    [Fact]
    public void A_tool_that_is_not_strict_takes_any_arguments()
    {
        string schema = """
            {"name": "f", "strict": false, "parameters": {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 2}}}}
            """;
        Grammar grammar = Grammar.FromTools(
            ChatFormat.V31,
            [new ToolDefinition(Parse(schema))],
            required: true
        );
        string call =
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"b\":[1]}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
        Assert.True(Accepts(grammar, call));
        var error = Assert.Throws<GrammarException>(() =>
            Grammar.FromTools(
                ChatFormat.V31,
                [
                    new ToolDefinition(
                        Parse(schema.Replace("false", "true", StringComparison.Ordinal))
                    ),
                ],
                required: true
            )
        );
        Assert.Contains(
            "tool 'f': parameters#/properties/a/multipleOf",
            error.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_can_not_be_called_is_refused()
    {
        ToolDefinition now = new(Parse(Now));
        Assert.Throws<ArgumentException>(() => Grammar.FromTools(ChatFormat.V3, [now], true));
        Assert.Throws<ArgumentException>(() => Grammar.FromTools(ChatFormat.V32, [], true));
        Assert.Throws<ArgumentException>(() => Grammar.FromTools(ChatFormat.V32, [now, now], true));
        Assert.Throws<GrammarException>(() =>
            Grammar.FromTools(
                ChatFormat.V32,
                [new ToolDefinition(Parse("""{"name": "a\">b"}"""))],
                true
            )
        );
        Assert.Throws<GrammarException>(() =>
            Grammar.FromTools(
                ChatFormat.V32,
                [new ToolDefinition(Parse("""{"name": "a", "parameters": {"type": "string"}}"""))],
                true
            )
        );
    }

    private DeepSeekTokenizer Tokenizer(ChatFormat format) =>
        format == ChatFormat.V32 ? DeepSeekTokenizer.Load(models.V32) : TestTokenizers.V31;

    private static bool Accepts(Grammar grammar, string text) =>
        grammar.Accepts(Encoding.UTF8.GetBytes(text));

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    // A text of tokens drawn from the masks; null where it does not end.
    private static string? Write(Grammar grammar, DeepSeekTokenizer tokenizer, int seed)
    {
        var random = new Random(seed);
        var matcher = new GrammarMatcher(grammar, GrammarVocabulary.Of(tokenizer));
        List<int> ids = [];
        while (ids.Count < 400)
        {
            List<int> allowed = MaskBits.Ids(matcher.Mask());
            if (matcher.MayEnd && (allowed.Count == 0 || random.Next(3) == 0))
                return tokenizer.Decode([.. ids]);
            // Short tokens more often, as the end of a string is one.
            int token = allowed[random.Next(allowed.Count)];
            int other = allowed[random.Next(allowed.Count)];
            if (tokenizer.GetBytes(other).Length < tokenizer.GetBytes(token).Length)
                token = other;
            matcher.Accept(token);
            ids.Add(token);
        }
        return null;
    }

    private static List<(string Name, string Arguments)> Read(
        ChatFormat format,
        string text,
        bool thinking
    )
    {
        var parser = new ChatParser(format, thinking, hasTools: true);
        List<ChatDelta> deltas = [];
        parser.Append(text, deltas);
        parser.Complete(isCut: false, deltas);
        Assert.DoesNotContain(deltas, delta => delta.Kind == ChatDeltaKind.Content);
        return
        [
            .. deltas
                .Where(delta => delta.Call >= 0)
                .GroupBy(delta => delta.Call)
                .Select(call =>
                    (
                        call.First(delta => delta.Kind == ChatDeltaKind.CallBegin).Text,
                        string.Concat(
                            call.Where(delta => delta.Kind == ChatDeltaKind.CallArguments)
                                .Select(delta => delta.Text)
                        )
                    )
                ),
        ];
    }
}
