using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;
using Hadal.Server.Responses;

namespace Hadal.Tests.Server.Responses;

/// <summary>What random weights don't write: items out of their usual order.</summary>
public sealed class ResponseOutputTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    [Fact]
    public void Call_in_a_thought_ends_it_whichever_tool_it_names()
    {
        JsonElement[] items = Items(
            thinking: true,
            "Hm",
            "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"who\">\n<｜DSML｜parameter name=\"a\" string=\"true\">b</｜DSML｜parameter>\n</｜DSML｜invoke>\n",
            "<｜DSML｜invoke name=\"patch\">\n<｜DSML｜parameter name=\"input\" string=\"true\">+ é\n</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"
        );
        Assert.Equal(
            ["reasoning", "function_call", "custom_tool_call"],
            items.Select(item => item.Type())
        );
        Assert.Equal("Hm", items[0].GetProperty("content")[0].Text("text"));
        Assert.Equal("who", items[1].Text("name"));
        Assert.Equal("""{"a": "b"}""", items[1].Text("arguments"));
        Assert.Equal("patch", items[2].Text("name"));
        Assert.Equal("+ é\n", items[2].Text("input"));
        Assert.All(items, item => Assert.Equal("completed", item.Text("status")));
    }

    [Fact]
    public void Text_between_a_thought_and_a_call_is_a_message()
    {
        JsonElement[] items = Items(
            thinking: true,
            "Hm</think>I open.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"open\">\n\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"
        );
        Assert.Equal(["reasoning", "message", "function_call"], items.Select(item => item.Type()));
        Assert.Equal("I open.", items[1].GetProperty("content")[0].Text("text"));
        Assert.Equal("{}", items[2].Text("arguments"));
    }

    private JsonElement[] Items(bool thinking, params string[] pieces)
    {
        using var request = JsonDocument.Parse(
            """{"tools":[{"type":"function","name":"open"},{"type":"custom","name":"patch"}]}"""
        );
        var tools = ResponseTools.Read(
            new JsonFields(request.RootElement, ApiException.Root, ApiException.Create)
        );
        var tokenizer = fixture.App.Engine.Tokenizer;
        var answer = new AnswerChoice(
            0,
            new ChatParser(ChatFormat.V32, thinking, hasTools: true),
            tokenizer,
            skipsSpecialTokens: false
        );
        var output = new ResponseOutput(
            tools,
            answer,
            new LogProbsWriter(tokenizer),
            new ResponseEvents(null)
        );
        foreach (string piece in pieces)
            output.Take(answer.Take(new GeneratedToken(0, piece, null)));
        output.Take(answer.Take(new GeneratedToken(-1, "", FinishReason.Stop)));
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            output.Write(json);
            json.WriteEndObject();
        }
        return
        [
            .. JsonDocument
                .Parse(Encoding.UTF8.GetString(stream.ToArray()))
                .RootElement.GetProperty("output")
                .EnumerateArray(),
        ];
    }
}
