using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Json.Schema;

namespace Hadal.Tests.Server;

/// <summary>Answers of <c>/v1/chat/completions</c>.</summary>
public sealed class ChatCompletionsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/chat/completions";
    private const string Messages = """ "messages":[{"role":"user","content":"Who's there?"}] """;
    private const string ParametersSchema = """
        {"type":"object","properties":{"day":{"enum":["monday","friday"]},"hour":{"type":"integer","minimum":0,"maximum":23}},"required":["day","hour"],"additionalProperties":false}
        """;
    private const string Tools = $$$"""
        "tools":[{"type":"function","function":{"name":"open","parameters":{{{ParametersSchema}}} }},{"type":"function","function":{"name":"shut"}}]
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ServerApp App => fixture.App;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whole_and_streamed_answers_are_those_of_the_engine(bool thinks)
    {
        ChatAnswer expected = await App.Model.Chat.SubmitAsync(
            new ChatRequest
            {
                Conversation = new ChatConversation
                {
                    Turns = [ChatTurn.User("Who's there?")],
                    Thinking = thinks,
                },
                Generation = new GenerationOptions
                {
                    Sampling = new() { Temperature = 1, Seed = 5 },
                    Stop = new() { MaxTokens = 40 },
                },
            },
            Cancellation
        );
        await expected.ReadToEndAsync(Cancellation);
        string type = thinks ? "enabled" : "disabled";
        string body =
            $$"""{{{Messages}},"seed":5,"temperature":1,"max_tokens":40,"thinking":{"type":"{{type}}"}""";
        JsonElement whole = await App.PostAsync(Path, body + "}");
        List<JsonElement> chunks = await App.StreamAsync(
            Path,
            body + ""","stream":true,"stream_options":{"include_usage":true}}"""
        );

        ChatTurn turn = expected.Choices[0].Turn;
        JsonElement choice = whole.GetProperty("choices")[0];
        JsonElement message = choice.GetProperty("message");
        Assert.Equal(turn.Content, message.GetProperty("content").GetString());
        Assert.Equal(
            turn.Reasoning,
            message.TryGetProperty("reasoning_content", out JsonElement thought)
                ? thought.GetString()
                : null
        );
        Assert.Equal(thinks, turn.Reasoning is not null);
        Assert.Equal(
            expected.Choices[0].Finish == AnswerFinish.Length ? "length" : "stop",
            choice.GetProperty("finish_reason").GetString()
        );
        Assert.Equal("deep", whole.GetProperty("model").GetString());
        Assert.Equal("chat.completion", whole.GetProperty("object").GetString());
        Assert.True(whole.GetProperty("created").TryGetInt64(out _));
        Assert.StartsWith("fp_", whole.GetProperty("system_fingerprint").GetString());

        Assert.Equal(turn.Content, Joined(chunks, "content"));
        Assert.Equal(turn.Reasoning ?? "", Joined(chunks, "reasoning_content"));
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
        JsonElement[] choices = [.. chunks[..^1].Select(chunk => chunk.GetProperty("choices")[0])];
        Assert.Equal("assistant", choices[0].GetProperty("delta").GetProperty("role").GetString());
        Assert.Equal(
            choice.GetProperty("finish_reason").GetString(),
            choices[^1].GetProperty("finish_reason").GetString()
        );
        Assert.All(
            choices[..^1],
            one => Assert.Equal(JsonValueKind.Null, one.GetProperty("finish_reason").ValueKind)
        );
        Assert.Equal(0, chunks[^1].GetProperty("choices").GetArrayLength());
        Assert.All(
            chunks[..^1],
            chunk => Assert.Equal(JsonValueKind.Null, chunk.GetProperty("usage").ValueKind)
        );
        foreach (JsonElement end in (JsonElement[])[whole, chunks[^1]])
        {
            JsonElement usage = end.GetProperty("usage");
            Assert.Equal(
                expected.Usage.PromptTokens,
                usage.GetProperty("prompt_tokens").GetInt32()
            );
            Assert.Equal(
                expected.Usage.GeneratedTokens,
                usage.GetProperty("completion_tokens").GetInt32()
            );
            Assert.Equal(
                expected.Usage.PromptTokens + expected.Usage.GeneratedTokens,
                usage.GetProperty("total_tokens").GetInt32()
            );
            Assert.Equal(
                expected.ReasoningTokens,
                usage
                    .GetProperty("completion_tokens_details")
                    .GetProperty("reasoning_tokens")
                    .GetInt32()
            );
        }
    }

    [Fact]
    public async Task Repeated_prompt_is_counted_as_cached()
    {
        string words = string.Join(' ', Enumerable.Range(0, 300));
        string body =
            $$"""{"messages":[{"role":"user","content":"{{words}}"}],"max_tokens":1,"cache_salt":"a"}""";
        Assert.Equal(0, Cached(await App.PostAsync(Path, body)));
        JsonElement again = await App.PostAsync(Path, body);
        int prompt = again.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
        // Whole pages of 64, without the last token.
        Assert.Equal((prompt - 1) / 64 * 64, Cached(again));
        Assert.InRange(Cached(again), 64, int.MaxValue);
        Assert.Equal(0, Cached(await App.PostAsync(Path, body.Replace("\"a\"", "\"b\""))));

        static int Cached(JsonElement answer) =>
            answer
                .GetProperty("usage")
                .GetProperty("prompt_tokens_details")
                .GetProperty("cached_tokens")
                .GetInt32();
    }

    [Theory]
    [InlineData("\"required\"", null)]
    [InlineData("""{"type":"function","function":{"name":"open"}}""", "open")]
    [InlineData("""{"type":"function","function":{"name":"shut"}}""", "shut")]
    public async Task Calls_that_are_asked_for_come_and_fit_their_schema(
        string choice,
        string? name
    )
    {
        string body =
            $$"""{{{Messages}},{{Tools}},"tool_choice":{{choice}},"seed":3,"temperature":1,"max_tokens":2000""";
        JsonElement answer = (await App.PostAsync(Path, body + "}")).GetProperty("choices")[0];
        Assert.Equal("tool_calls", answer.GetProperty("finish_reason").GetString());
        JsonElement message = answer.GetProperty("message");
        Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
        JsonElement[] calls = [.. message.GetProperty("tool_calls").EnumerateArray()];
        Assert.NotEmpty(calls);
        List<string> written = [];
        foreach (JsonElement call in calls)
        {
            Assert.Equal("function", call.GetProperty("type").GetString());
            string called = call.GetProperty("function").GetProperty("name").GetString()!;
            string arguments = call.GetProperty("function").GetProperty("arguments").GetString()!;
            Assert.Contains(called, (string[])(name is null ? ["open", "shut"] : [name]));
            using var json = JsonDocument.Parse(arguments);
            if (called == "open")
                Assert.True(
                    JsonSchema.FromText(ParametersSchema).Evaluate(json.RootElement).IsValid
                );
            written.Add($"{called} {arguments}");
        }
        Assert.Equal(
            calls.Length,
            calls.Select(call => call.GetProperty("id").GetString()).Distinct().Count()
        );

        List<JsonElement> chunks = await App.StreamAsync(Path, body + ",\"stream\":true}");
        var streamed = new SortedDictionary<int, StringBuilder>();
        var ids = new HashSet<string>();
        foreach (JsonElement delta in Deltas(chunks, "tool_calls"))
        {
            JsonElement call = Assert.Single(delta.EnumerateArray());
            int index = call.GetProperty("index").GetInt32();
            JsonElement function = call.GetProperty("function");
            if (call.TryGetProperty("id", out JsonElement id))
            {
                Assert.Equal(streamed.Count, index);
                Assert.True(ids.Add(id.GetString()!));
                streamed.Add(
                    index,
                    new StringBuilder(function.GetProperty("name").GetString()).Append(' ')
                );
            }
            streamed[index].Append(function.GetProperty("arguments").GetString());
        }
        Assert.Equal(written, streamed.Values.Select(call => call.ToString()));
        Assert.Equal(
            "tool_calls",
            chunks[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString()
        );
    }

    [Fact]
    public async Task Parallel_calls_can_be_forbidden()
    {
        for (int seed = 0; seed < 4; seed++)
        {
            JsonElement answer = await App.PostAsync(
                Path,
                $$"""{{{Messages}},{{Tools}},"tool_choice":"required","parallel_tool_calls":false,"seed":{{seed}},"temperature":1,"max_tokens":400}"""
            );
            Assert.Equal(
                1,
                answer
                    .GetProperty("choices")[0]
                    .GetProperty("message")
                    .GetProperty("tool_calls")
                    .GetArrayLength()
            );
        }
    }

    [Fact]
    public async Task Tools_are_not_told_of_where_the_choice_is_none()
    {
        JsonElement without = await App.PostAsync(Path, $$"""{{{Messages}},"max_tokens":1}""");
        JsonElement none = await App.PostAsync(
            Path,
            $$"""{{{Messages}},{{Tools}},"tool_choice":"none","max_tokens":1}"""
        );
        JsonElement auto = await App.PostAsync(
            Path,
            $$"""{{{Messages}},{{Tools}},"tool_choice":"auto","max_tokens":1}"""
        );
        Assert.Equal(PromptTokens(without), PromptTokens(none));
        Assert.InRange(PromptTokens(auto), PromptTokens(none) + 1, int.MaxValue);

        static int PromptTokens(JsonElement answer) =>
            answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
    }

    [Fact]
    public async Task Content_fits_the_schema()
    {
        const string schema =
            """{"type":"object","properties":{"a":{"type":"integer","minimum":0,"maximum":99},"b":{"type":"boolean"}},"required":["a","b"],"additionalProperties":false}""";
        string body =
            $$$"""{{{{Messages}}},"seed":1,"temperature":1,"max_tokens":200,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{{{schema}}} } } }""";
        string content = Content(await App.PostAsync(Path, body));
        using var json = JsonDocument.Parse(content);
        Assert.True(JsonSchema.FromText(schema).Evaluate(json.RootElement).IsValid);
    }

    [Fact]
    public async Task Json_object_is_one()
    {
        // A bias for the brace that ends it: random weights would not.
        int brace = App.Engine.Tokenizer.Encode("}", addSpecialTokens: false)[0];
        string content = Content(
            await App.PostAsync(
                Path,
                $$$"""{{{{Messages}}},"temperature":0,"max_tokens":300,"response_format":{"type":"json_object"},"logit_bias":{"{{{brace}}}":100}}"""
            )
        );
        Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(content).RootElement.ValueKind);
    }

    [Fact]
    public async Task Stop_strings_end_the_content_before_them()
    {
        string body =
            $$"""{{{Messages}},"temperature":0,"max_tokens":40,"logit_bias":{{PlainTokens.Json(App.Engine.Tokenizer)}}""";
        string all = Content(await App.PostAsync(Path, body + "}"));
        string stop = all[5..8];
        int at = all.IndexOf(stop, StringComparison.Ordinal);
        foreach (string given in (string[])["{0}", "[\"never to come\",{0}]"])
        {
            string field = string.Format(null, given, JsonSerializer.Serialize(stop));
            JsonElement answer = await App.PostAsync(Path, $"{body},\"stop\":{field}}}");
            Assert.Equal(all[..at], Content(answer));
            Assert.Equal(
                "stop",
                answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString()
            );
        }
    }

    [Fact]
    public async Task Choices_are_reproducible_and_the_first_is_that_of_one_alone()
    {
        string body = $$"""{{{Messages}},"seed":-7,"temperature":1,"max_tokens":12""";
        string one = Content(await App.PostAsync(Path, body + "}"));
        string[] four = Contents(await App.PostAsync(Path, body + ",\"n\":4}"));
        Assert.Equal(one, four[0]);
        Assert.Equal(4, four.Distinct().Count());
        Assert.Equal(four, Contents(await App.PostAsync(Path, body + ",\"n\":4}")));
        List<JsonElement> chunks = await App.StreamAsync(Path, body + ",\"n\":4,\"stream\":true}");
        Assert.Equal(four, Enumerable.Range(0, 4).Select(i => Joined(chunks, "content", i)));
    }

    [Fact]
    public async Task Log_probabilities_are_of_the_tokens_in_order()
    {
        string body =
            $$"""{{{Messages}},"temperature":0,"max_tokens":8,"logit_bias":{{PlainTokens.Json(App.Engine.Tokenizer)}},"logprobs":true,"top_logprobs":3""";
        JsonElement answer = await App.PostAsync(Path, body + "}");
        JsonElement[] tokens =
        [
            .. answer
                .GetProperty("choices")[0]
                .GetProperty("logprobs")
                .GetProperty("content")
                .EnumerateArray(),
        ];
        Assert.Equal(8, tokens.Length);
        byte[] bytes =
        [
            .. tokens.SelectMany(token =>
                token.GetProperty("bytes").EnumerateArray().Select(one => one.GetByte())
            ),
        ];
        Assert.Equal(Content(answer), Encoding.UTF8.GetString(bytes));
        foreach (JsonElement token in tokens)
        {
            JsonElement[] top = [.. token.GetProperty("top_logprobs").EnumerateArray()];
            Assert.Equal(3, top.Length);
            // Greedy: the token is the most probable one.
            Assert.Equal(
                token.GetProperty("logprob").GetDouble(),
                top[0].GetProperty("logprob").GetDouble()
            );
            Assert.InRange(token.GetProperty("logprob").GetDouble(), -100, 0);
        }
        List<JsonElement> chunks = await App.StreamAsync(Path, body + ",\"stream\":true}");
        Assert.Equal(
            tokens.Select(token => token.GetRawText()),
            chunks
                .Select(chunk => chunk.GetProperty("choices")[0].GetProperty("logprobs"))
                .Where(logProbs => logProbs.ValueKind == JsonValueKind.Object)
                .SelectMany(logProbs => logProbs.GetProperty("content").EnumerateArray())
                .Select(token => token.GetRawText())
        );
    }

    private static string Content(JsonElement answer) => Contents(answer)[0];

    private static string[] Contents(JsonElement answer) =>
        [
            .. answer
                .GetProperty("choices")
                .EnumerateArray()
                .Select(choice =>
                    choice.GetProperty("message").GetProperty("content").GetString()!
                ),
        ];

    private static IEnumerable<JsonElement> Deltas(
        IEnumerable<JsonElement> chunks,
        string field,
        int choice = 0
    ) =>
        chunks
            .SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())
            .Where(one => one.GetProperty("index").GetInt32() == choice)
            .Select(one =>
                one.GetProperty("delta").TryGetProperty(field, out JsonElement value)
                    ? value
                    : default
            )
            .Where(value => value.ValueKind != JsonValueKind.Undefined);

    private static string Joined(IEnumerable<JsonElement> chunks, string field, int choice = 0) =>
        string.Concat(Deltas(chunks, field, choice).Select(delta => delta.GetString()));
}
