using System.Text.Json;

namespace Hadal.Tests.Server;

/// <summary>Schemas of tools that no grammar is made for.</summary>
public sealed class ToolSchemaTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/chat/completions";

    [Fact]
    public async Task A_tool_that_is_not_strict_is_taken() =>
        await fixture.App.PostAsync(Path, Body(strict: ""));

    [Fact]
    public async Task A_strict_one_is_refused_by_its_keyword()
    {
        JsonElement error = await fixture.App.RefusalAsync(Path, Body(strict: "\"strict\":true,"));
        Assert.Equal("tools", error.GetProperty("param").GetString());
        Assert.Contains("patternProperties", error.GetProperty("message").GetString());
    }

    private static string Body(string strict) =>
        $$$"""
            {"messages":[{"role":"user","content":"x"}],"tool_choice":"required","max_tokens":1,
            "tools":[{"type":"function","function":{"name":"set",{{{strict}}}"parameters":{"type":"object","patternProperties":{"^x":{"type":"number"} } } } }]}
            """;
}
