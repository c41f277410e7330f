using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Json.Schema;

namespace Hadal.Tests.Server.Responses;

/// <summary>Answers of <c>/v1/responses</c>.</summary>
public sealed class ResponsesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Question = """ "input":"Who's there?","temperature":1,"seed":5 """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ServerApp App => fixture.App;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whole_and_streamed_answers_are_those_of_the_engine(bool thinks)
    {
        // A bias for the end of the thought: random weights would not end it.
        int end = ThoughtEnd();
        ulong seed = 0;
        ChatAnswer expected;
        do
        {
            Assert.True(seed < 50, "no seed gave an answer with all parts");
            expected = await App.Model.Chat.SubmitAsync(
                new ChatRequest
                {
                    Conversation = new ChatConversation
                    {
                        Turns = [ChatTurn.System("Be short."), ChatTurn.User("Who's there?")],
                        Thinking = thinks,
                    },
                    Generation = new GenerationOptions
                    {
                        Sampling = new()
                        {
                            Temperature = 1,
                            Seed = ++seed,
                            LogitBias = new Dictionary<int, float> { [end] = 6 },
                        },
                        Stop = new() { MaxTokens = 60 },
                    },
                },
                Cancellation
            );
            await expected.ReadToEndAsync(Cancellation);
        } while (!HasAllParts(expected.Choices[0].Turn));
        string effort = thinks ? "high" : "none";
        string body =
            $$$"""{"input":"Who's there?","temperature":1,"seed":{{{seed}}},"instructions":"Be short.","max_output_tokens":60,"logit_bias":{"{{{end}}}":6},"reasoning":{"effort":"{{{effort}}}"}}""";
        JsonElement whole = await App.PostAsync(ResponseStream.Path, body);
        List<JsonElement> events = await App.EventsAsync(body);
        JsonElement final = ResponseStream.Final(events);

        ChatTurn turn = expected.Choices[0].Turn;
        List<(string Type, string Text)> items = [("message", turn.Content)];
        if (thinks)
            items.Insert(0, ("reasoning", turn.Reasoning!));
        foreach (JsonElement response in (JsonElement[])[whole, final])
        {
            Assert.Equal(
                items,
                response
                    .GetProperty("output")
                    .EnumerateArray()
                    .Select(item => (item.Type(), item.GetProperty("content")[0].Text("text")))
            );
            JsonElement usage = response.GetProperty("usage");
            Assert.Equal(expected.Usage.PromptTokens, usage.GetProperty("input_tokens").GetInt32());
            Assert.Equal(
                expected.Usage.GeneratedTokens,
                usage.GetProperty("output_tokens").GetInt32()
            );
            Assert.Equal(
                expected.Usage.PromptTokens + expected.Usage.GeneratedTokens,
                usage.GetProperty("total_tokens").GetInt32()
            );
            Assert.Equal(
                expected.ReasoningTokens,
                usage
                    .GetProperty("output_tokens_details")
                    .GetProperty("reasoning_tokens")
                    .GetInt32()
            );
        }
        Assert.Equal(whole.Output(), final.Output());
        string[] text = ["output_item.added", "content_part.added"];
        string[] done = ["content_part.done", "output_item.done"];
        string[] thought = [.. text, "reasoning_text.delta", "reasoning_text.done", .. done];
        Assert.Equal(
            [
                "created",
                "in_progress",
                .. thinks ? thought : [],
                .. text,
                "output_text.delta",
                "output_text.done",
                .. done,
                expected.Choices[0].Finish == AnswerFinish.Stop ? "completed" : "incomplete",
            ],
            events.Types()
        );

        bool HasAllParts(ChatTurn turn) =>
            turn.Content.Length > 0 && (!thinks || turn.Reasoning is { Length: > 0 });
    }

    [Theory]
    [InlineData("none", "message")]
    [InlineData("high", "reasoning")]
    public async Task Answer_that_is_cut_is_incomplete(string effort, string type)
    {
        string body =
            $$$"""{{{{Question}}},"max_output_tokens":6,"logit_bias":{{{PlainTokens.Json(App.Engine.Tokenizer)}}},"reasoning":{"effort":"{{{effort}}}"}}""";
        JsonElement whole = await App.PostAsync(ResponseStream.Path, body);
        Assert.Equal("incomplete", whole.Text("status"));
        Assert.Equal("max_output_tokens", whole.GetProperty("incomplete_details").Text("reason"));
        JsonElement item = Assert.Single(whole.GetProperty("output").EnumerateArray());
        Assert.Equal(type, item.Type());
        Assert.Equal("incomplete", item.Text("status"));
        Assert.Equal(6, whole.GetProperty("usage").GetProperty("output_tokens").GetInt32());
        List<JsonElement> events = await App.EventsAsync(body);
        Assert.Equal(whole.Output(), ResponseStream.Final(events).Output());
        Assert.Equal("response.incomplete", events[^1].Type());
    }

    [Fact]
    public async Task Answer_of_nothing_is_an_empty_message()
    {
        int eos = App.Engine.Tokenizer.EosId;
        string body = $$$"""{{{{Question}}},"logit_bias":{"{{{eos}}}":100}}""";
        JsonElement whole = await App.PostAsync(ResponseStream.Path, body);
        Assert.Equal("completed", whole.Text("status"));
        JsonElement item = Assert.Single(whole.GetProperty("output").EnumerateArray());
        Assert.Equal("", item.GetProperty("content")[0].Text("text"));
        Assert.Equal(whole.Output(), ResponseStream.Final(await App.EventsAsync(body)).Output());
    }

    [Fact]
    public async Task Fields_of_the_request_are_repeated()
    {
        string body = $$$"""
            {{{{Question}}},"instructions":"Be short.","max_output_tokens":7,"max_tool_calls":3,"metadata":{"a":"b"},
            "parallel_tool_calls":false,"prompt_cache_key":"k","reasoning":{"effort":"none","summary":"auto"},
            "safety_identifier":"s","service_tier":"auto","store":true,"text":{"verbosity":"low"},"tool_choice":"none",
            "tools":[{"type":"function","name":"f","parameters":null,"strict":null}],"top_p":0.5,"truncation":"auto","user":"u"}
            """;
        JsonElement response = await App.PostAsync(ResponseStream.Path, body);
        using var request = JsonDocument.Parse(body);
        foreach (
            string name in (string[])
                [
                    "instructions",
                    "max_output_tokens",
                    "max_tool_calls",
                    "metadata",
                    "parallel_tool_calls",
                    "prompt_cache_key",
                    "reasoning",
                    "safety_identifier",
                    "service_tier",
                    "temperature",
                    "tool_choice",
                    "tools",
                    "top_p",
                    "user",
                ]
        )
            Assert.True(
                JsonElement.DeepEquals(
                    request.RootElement.GetProperty(name),
                    response.GetProperty(name)
                ),
                name
            );
        Assert.Equal("low", response.GetProperty("text").Text("verbosity"));
        Assert.Equal("text", response.GetProperty("text").GetProperty("format").Type());
        Assert.False(response.GetProperty("store").GetBoolean());
        Assert.Equal("disabled", response.Text("truncation"));
        Assert.Equal("deep", response.Text("model"));
        Assert.Equal("response", response.Text("object"));
        Assert.InRange(
            response.GetProperty("completed_at").GetInt64(),
            response.GetProperty("created_at").GetInt64(),
            long.MaxValue
        );
    }

    [Fact]
    public async Task Content_fits_the_schema()
    {
        const string schema =
            """{"type":"object","properties":{"a":{"type":"integer","minimum":0,"maximum":99},"b":{"type":"boolean"}},"required":["a","b"],"additionalProperties":false}""";
        string body =
            $$$"""{{{{Question}}},"max_output_tokens":200,"text":{"format":{"type":"json_schema","name":"x","strict":true,"schema":{{{schema}}} } } }""";
        JsonElement response = await App.PostAsync(ResponseStream.Path, body);
        using var json = JsonDocument.Parse(Message(response));
        Assert.True(JsonSchema.FromText(schema).Evaluate(json.RootElement).IsValid);
        Assert.Equal("x", response.GetProperty("text").GetProperty("format").Text("name"));
        Assert.Equal(response.Output(), ResponseStream.Final(await App.EventsAsync(body)).Output());
    }

    [Fact]
    public async Task Json_object_is_one()
    {
        int brace = App.Engine.Tokenizer.Encode("}", addSpecialTokens: false)[0];
        JsonElement response = await App.PostAsync(
            ResponseStream.Path,
            $$$"""{"input":"x","temperature":0,"max_output_tokens":300,"text":{"format":{"type":"json_object"}},"logit_bias":{"{{{brace}}}":100}}"""
        );
        Assert.Equal(
            JsonValueKind.Object,
            JsonDocument.Parse(Message(response)).RootElement.ValueKind
        );
    }

    [Theory]
    [InlineData("none")]
    [InlineData("low")]
    public async Task Log_probabilities_are_of_the_messages_tokens(string effort)
    {
        int end = ThoughtEnd();
        string bias = PlainTokens.Json(App.Engine.Tokenizer, (end, effort == "none" ? -100 : 6));
        string body =
            $$$"""{{{{Question}}},"max_output_tokens":60,"include":["message.output_text.logprobs","reasoning.encrypted_content"],"top_logprobs":3,"reasoning":{"effort":"{{{effort}}}"},"logit_bias":{{{bias}}}}""";
        JsonElement whole = await App.PostAsync(ResponseStream.Path, body);
        JsonElement part = whole.GetProperty("output").EnumerateArray().Last();
        JsonElement content = part.GetProperty("content")[0];
        JsonElement[] tokens = [.. content.GetProperty("logprobs").EnumerateArray()];
        Assert.NotEmpty(tokens);
        byte[] bytes =
        [
            .. tokens.SelectMany(token =>
                token.GetProperty("bytes").EnumerateArray().Select(one => one.GetByte())
            ),
        ];
        // The last character may be cut.
        Assert.StartsWith(
            content.Text("text").TrimEnd('\ufffd'),
            Encoding.UTF8.GetString(bytes),
            StringComparison.Ordinal
        );
        Assert.All(
            tokens,
            token => Assert.Equal(3, token.GetProperty("top_logprobs").GetArrayLength())
        );
        List<JsonElement> events = await App.EventsAsync(body);
        Assert.Equal(whole.Output(), ResponseStream.Final(events).Output());
        Assert.Equal(
            tokens.Select(token => token.GetRawText()),
            events
                .Where(one => one.Type() == "response.output_text.delta")
                .SelectMany(one => one.GetProperty("logprobs").EnumerateArray())
                .Select(token => token.GetRawText())
        );
    }

    [Fact]
    public async Task Input_of_items_is_that_of_messages()
    {
        int chat = (
            await App.PostAsync(
                "/v1/chat/completions",
                """
                {"max_tokens":1,"reasoning_effort":"high","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{}},"strict":true}}],
                "messages":[{"role":"system","content":"Be short."},{"role":"user","content":"ab"},{"role":"assistant","content":"Hm","reasoning_content":"thought","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"one"},{"role":"tool","tool_call_id":"2","content":"two[An image: you can read text alone]"}]}
                """
            )
        ).GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
        const string body = """
            {"instructions":"Be short.","max_output_tokens":16,"reasoning":{"effort":"high"},"tools":[{"type":"function","strict":true,"name":"f","description":"d","parameters":{"type":"object","properties":{}}}],
            "input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
            {"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"thought"}],"encrypted_content":null},
            {"type":"message","role":"assistant","id":"m","status":"completed","content":[{"type":"output_text","text":"Hm","annotations":[]}]},
            {"type":"function_call","id":"fc_1","call_id":"1","name":"f","arguments":"{}","status":"completed"},
            {"type":"function_call","call_id":"2","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"2","output":[{"type":"input_text","text":"two"},{"type":"input_image","image_url":"x"}]},
            {"type":"function_call_output","call_id":"1","output":"one"}]}
            """;
        JsonElement count = await App.PostAsync($"{ResponseStream.Path}/input_tokens", body);
        Assert.Equal("response.input_tokens", count.Text("object"));
        Assert.Equal(chat, count.GetProperty("input_tokens").GetInt32());
        JsonElement usage = (await App.PostAsync(ResponseStream.Path, body)).GetProperty("usage");
        Assert.Equal(chat, usage.GetProperty("input_tokens").GetInt32());
    }

    private int ThoughtEnd()
    {
        Assert.True(App.Engine.Tokenizer.TryGetAddedToken("</think>", out int id));
        return id;
    }

    private static string Message(JsonElement response) =>
        Assert
            .Single(response.GetProperty("output").EnumerateArray())
            .GetProperty("content")[0]
            .Text("text");
}
