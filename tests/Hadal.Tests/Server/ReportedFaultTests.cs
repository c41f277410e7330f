using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hadal.Chat;

namespace Hadal.Tests.Server;

/// <summary>What users of other servers reported as faults of theirs.</summary>
public sealed class ReportedFaultTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/chat/completions";
    private const string Tools = """
        [{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{
            "place":{"type":"object","properties":{"floor":{"enum":["first","second"]},"rooms":{"type":"array","items":{"type":"integer","minimum":1,"maximum":9},"maxItems":2}},"required":["floor","rooms"],"additionalProperties":false}},
            "required":["place"],"additionalProperties":false} } }]
        """;

    private ServerApp App => fixture.App;

    [Fact]
    public async Task Nothing_of_a_stop_string_over_several_tokens_is_streamed()
    {
        string body =
            $$"""{"messages":[{"role":"user","content":"Who's there?"}],"seed":8,"temperature":1,"max_tokens":30,"logit_bias":{{PlainTokens.Json(App.Engine.Tokenizer)}}""";
        JsonElement answer = (await App.PostAsync(Path, body + ",\"logprobs\":true}")).GetProperty(
            "choices"
        )[0];
        string all = answer.GetProperty("message").GetProperty("content").GetString()!;
        string[] tokens =
        [
            .. answer
                .GetProperty("logprobs")
                .GetProperty("content")
                .EnumerateArray()
                .Select(token => token.GetProperty("token").GetString()!),
        ];
        string stop = string.Concat(tokens[10..14]);
        int at = all.IndexOf(stop, StringComparison.Ordinal);
        Assert.InRange(at, 1, all.Length);
        List<JsonElement> chunks = await App.StreamAsync(
            Path,
            $"{body},\"stream\":true,\"stop\":{JsonSerializer.Serialize(stop)}}}"
        );
        string[] deltas =
        [
            .. chunks
                .Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta"))
                .Where(delta => delta.TryGetProperty("content", out _))
                .Select(delta => delta.GetProperty("content").GetString()!),
        ];
        Assert.Equal(all[..at], string.Concat(deltas));
    }

    [Fact]
    public async Task Results_are_told_in_the_order_of_their_calls()
    {
        const string one = """{"role":"tool","tool_call_id":"a","content":"first result"}""";
        const string two = """{"role":"tool","tool_call_id":"b","content":"second result"}""";
        const string other = """{"role":"tool","tool_call_id":"c","content":"no result"}""";
        Assert.Equal(await TokensAsync(one, two), await TokensAsync(two, one));
        Assert.Equal(
            "messages[3].tool_call_id",
            (await App.RefusalAsync(Path, Body(one, other))).GetProperty("param").GetString()
        );
        Assert.StartsWith(
            "messages[1]",
            (await App.RefusalAsync(Path, Body(one))).GetProperty("param").GetString(),
            StringComparison.Ordinal
        );

        async Task<string> TokensAsync(params string[] results)
        {
            string body = Body(results);
            await App.PostAsync(Path, body);
            return (await App.PostAsync("/tokenize", body)).GetProperty("tokens").GetRawText();
        }

        static string Body(params string[] results) =>
            $$"""
                {"messages":[{"role":"user","content":"look twice"},{"role":"assistant","content":null,"tool_calls":[
                  {"id":"a","type":"function","function":{"name":"look","arguments":"{\"n\":1}"} },
                  {"id":"b","type":"function","function":{"name":"look","arguments":"{\"n\":2}"} }]},
                 {{string.Join(',', results)}}],"tools":{{Tools}},"max_tokens":1}
                """;
    }

    [Fact]
    public async Task Ten_turns_of_tools_pile_up_no_white_space()
    {
        JsonObject body = JsonNode
            .Parse(
                $$"""{"messages":[{"role":"user","content":"go"}],"tools":{{Tools}},"tool_choice":"required","parallel_tool_calls":false,"temperature":1,"max_tokens":400}"""
            )!
            .AsObject();
        JsonArray messages = body["messages"]!.AsArray();
        for (int turn = 0; turn < 10; turn++)
        {
            body["seed"] = turn;
            JsonElement message = (await App.PostAsync(Path, body.ToJsonString()))
                .GetProperty("choices")[0]
                .GetProperty("message");
            Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
            JsonElement call = Assert.Single(message.GetProperty("tool_calls").EnumerateArray());
            messages.Add(JsonNode.Parse(message.GetRawText()));
            messages.Add(
                new JsonObject
                {
                    ["role"] = "tool",
                    ["tool_call_id"] = call.GetProperty("id").GetString(),
                    ["content"] = "ok",
                }
            );
        }
        string prompt = App.Model.Chat.Template.Render(
            ChatRequestJson.Read(JsonElement.Parse(body.ToJsonString()))
        );
        const string answer = "<｜Assistant｜>";
        string turns = prompt[(prompt.IndexOf(answer, StringComparison.Ordinal) + answer.Length)..];
        Assert.Matches(
            new Regex(
                """
                ^</think>(\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name="look">(\n<｜DSML｜parameter [^\n]*</｜DSML｜parameter>)+\n</｜DSML｜invoke>\n</｜DSML｜function_calls><｜end▁of▁sentence｜>\n\n<function_results>\n<result>ok</result>\n</function_results>\n\n</think>){10}$
                """.Trim(),
                RegexOptions.CultureInvariant
            ),
            turns
        );
    }

    [Fact]
    public async Task Prompt_of_whole_pages_is_cached_but_for_its_last()
    {
        int[] ids = [.. Enumerable.Range(0, 192).Select(i => 3 + i * 7 % 2000)];
        string body =
            $$"""{"prompt":[{{string.Join(',', ids)}}],"max_tokens":8,"temperature":0,"logprobs":3,"ignore_eos":true}""";
        JsonElement first = await App.PostAsync("/v1/completions", body);
        JsonElement again = await App.PostAsync("/v1/completions", body);
        Assert.Equal((0, 128), (Cached(first), Cached(again)));
        Assert.Equal(
            first.GetProperty("choices").GetRawText(),
            again.GetProperty("choices").GetRawText()
        );

        static int Cached(JsonElement answer) =>
            answer
                .GetProperty("usage")
                .GetProperty("prompt_tokens_details")
                .GetProperty("cached_tokens")
                .GetInt32();
    }

    [Theory]
    [InlineData("custom")]
    [InlineData("web_search")]
    [InlineData("mcp")]
    public async Task Nested_tools_are_called_and_unknown_kinds_refused_by_name(string kind)
    {
        JsonObject body = JsonNode
            .Parse(
                $$"""{"messages":[{"role":"user","content":"go"}],"tools":{{Tools}},"tool_choice":"required","seed":2,"temperature":1,"max_tokens":2000}"""
            )!
            .AsObject();
        JsonElement call = (await App.PostAsync(Path, body.ToJsonString()))
            .GetProperty("choices")[0]
            .GetProperty("message")
            .GetProperty("tool_calls")[0];
        JsonElement place = JsonElement
            .Parse(call.GetProperty("function").GetProperty("arguments").GetString()!)
            .GetProperty("place");
        Assert.Contains(place.GetProperty("floor").GetString()!, (string[])["first", "second"]);
        body["tools"]!.AsArray().Add(new JsonObject { ["type"] = kind, ["name"] = "other" });
        JsonElement error = await App.RefusalAsync(
            Path,
            body.ToJsonString(),
            HttpStatusCode.BadRequest
        );
        Assert.Equal("tools[1].type", error.GetProperty("param").GetString());
        Assert.Contains(kind, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
