using System.Net;
using System.Text.Json;

namespace Hadal.Tests.Server.Responses;

/// <summary>What requests of <c>/v1/responses</c> are refused for; <see cref="RequestErrorTests"/> has their fields.</summary>
public sealed class ResponsesErrorTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Call =
        """{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}""";
    private const string Call2 =
        """{"type":"function_call","call_id":"b","name":"f","arguments":"{}"}""";
    private const string Output = """{"type":"function_call_output","call_id":"a","output":"x"}""";
    private const string User = """{"role":"user","content":"x"}""";

    private ServerApp App => fixture.App;

    [Theory]
    [InlineData("", "input")]
    [InlineData("7", "input[0]")]
    [InlineData("""{"role":"king","content":"x"}""", "input[0].role")]
    [InlineData("""{"role":"user"}""", "input[0]")]
    [InlineData(
        """{"role":"user","content":[{"type":"text","text":"x"}]}""",
        "input[0].content[0].type"
    )]
    [InlineData(
        $$"""{{User}},{"role":"user","content":[{"type":"input_image","image_url":"x"}]}""",
        "input[1].content[0].type"
    )]
    [InlineData("""{"type":"item_reference","id":"x"}""", "input[0].type")]
    [InlineData("""{"type":"web_search_call","id":"x"}""", "input[0].type")]
    [InlineData("""{"role":"system","content":"x"}""", "input[0]")]
    [InlineData($"{User},{Output}", "input[1]")]
    [InlineData($"{User},{Call}", "input[1]")]
    [InlineData($"{User},{Call},{Call2},{Output}", "input[2]")]
    [InlineData($"{User},{Call},{Call},{Output}", "input[2].call_id")]
    [InlineData(
        $$"""{{User}},{{Call}},{"type":"function_call_output","call_id":"z","output":"x"}""",
        "input[2].call_id"
    )]
    [InlineData($"{User},{Call},{Output},{Output}", "input[3].call_id")]
    [InlineData(
        $$"""{{User}},{"type":"reasoning","content":[{"type":"reasoning_text","text":"x"}]},{"type":"function_call","call_id":"a","name":"f","arguments":"[]"},{{Output}}""",
        "input[2].arguments"
    )]
    [InlineData(
        $$"""{{User}},{{Call}},{"type":"function_call_output","call_id":"a","output":[{"type":"input_audio"}]}""",
        "input[2].output[0].type"
    )]
    public async Task Wrong_item_is_named(string items, string param)
    {
        foreach (string instructions in (string[])["", "\"instructions\":\"x\","])
        {
            JsonElement error = await App.RefusalAsync(
                ResponseStream.Path,
                $$"""{{{instructions}}"input":[{{items}}]}"""
            );
            Assert.Equal(param, error.Text("param"));
            Assert.StartsWith(param, error.Text("message"), StringComparison.Ordinal);
            Assert.DoesNotContain("messages[", error.Text("message"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(""" "tools":[{"type":"function"}] """, "tools[0]")]
    [InlineData(""" "tools":[{"type":"function","name":""}] """, "tools[0].name")]
    [InlineData(
        """ "tools":[{"type":"function","name":"f","parameters":7}] """,
        "tools[0].parameters"
    )]
    [InlineData(
        """ "tools":[{"type":"custom","name":"f"},{"type":"function","name":"f"}] """,
        "tools[1].name"
    )]
    [InlineData(
        """ "tools":[{"type":"custom","name":"f","format":{"type":"grammar","syntax":"ebnf","definition":"x"}}] """,
        "tools[0].format.syntax"
    )]
    [InlineData(
        """ "tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"},{"type":"mcp"}]}] """,
        "tools[0].tools[1].type"
    )]
    [InlineData(""" "tools":[{"type":"file_search"}] """, "tools[0].type")]
    [InlineData(""" "tools":[{"type":"code_interpreter"}] """, "tools[0].type")]
    [InlineData(""" "tools":[{"type":"computer_use_preview"}] """, "tools[0].type")]
    [InlineData(""" "tools":[{"type":"local_shell"}] """, "tools[0].type")]
    [InlineData(""" "tools":[{"type":"mcp"}] """, "tools[0].type")]
    [InlineData(""" "tools":[{"type":"something_else"}] """, "tools[0].type")]
    [InlineData(
        """ "tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","not":{}}}] """,
        "tools"
    )]
    [InlineData(
        """ "tools":[{"type":"custom","name":"f","format":{"type":"grammar","syntax":"regex","definition":"(?=x)"}}] """,
        "tools"
    )]
    [InlineData(""" "tool_choice":"required" """, "tool_choice")]
    [InlineData(
        """ "tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"} """,
        "tool_choice.type"
    )]
    [InlineData(""" "tools":[{"type":"web_search"}],"tool_choice":"required" """, "tool_choice")]
    [InlineData(
        """ "tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"g"} """,
        "tool_choice.name"
    )]
    [InlineData(
        """ "tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"custom","name":"f"} """,
        "tool_choice.name"
    )]
    [InlineData(
        """ "tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]} """,
        "tool_choice.tools[0].name"
    )]
    [InlineData(""" "text":{"format":{"type":"xml"}} """, "text.format.type")]
    [InlineData(""" "text":{"format":{"type":"json_schema"}} """, "text.format")]
    [InlineData(
        """ "text":{"format":{"type":"json_schema","schema":{"not":{}}}} """,
        "text.format"
    )]
    [InlineData(""" "text":{"verbosity":"loud"} """, "text.verbosity")]
    [InlineData(""" "reasoning":{"effort":"hard"} """, "reasoning.effort")]
    [InlineData(""" "reasoning":{"summary":7} """, "reasoning.summary")]
    [InlineData(""" "top_logprobs":2 """, "top_logprobs")]
    [InlineData(""" "include":[7] """, "include")]
    [InlineData(""" "stream_options":{"include_obfuscation":false} """, "stream_options")]
    public async Task Wrong_field_is_named(string field, string param)
    {
        JsonElement error = await App.RefusalAsync(
            ResponseStream.Path,
            $$"""{"input":"x",{{field}}}"""
        );
        Assert.Equal(param, error.Text("param"));
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "/input_items?limit=2")]
    [InlineData("DELETE", "")]
    [InlineData("POST", "/cancel")]
    public async Task Nothing_is_stored(string method, string rest)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(method),
            $"{ResponseStream.Path}/resp_1{rest}"
        );
        using HttpResponseMessage response = await App.Client.SendAsync(
            request,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        JsonElement error = JsonDocument
            .Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))
            .RootElement.GetProperty("error");
        Assert.Contains("resp_1", error.Text("message"), StringComparison.Ordinal);
        Assert.Contains("nothing is stored", error.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_long_a_prompt_is_refused()
    {
        string words = string.Join(' ', Enumerable.Range(0, 9000));
        JsonElement error = await App.RefusalAsync(
            ResponseStream.Path,
            $$"""{"input":"{{words}}","truncation":"auto"}"""
        );
        Assert.Equal("context_length_exceeded", error.Text("code"));
    }
}
