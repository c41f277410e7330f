using Hadal.Tokenization;

namespace Hadal.Tests.Server.Clients;

/// <summary>Clients of npm understand the server.</summary>
public sealed class NpmClientTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    [Theory]
    [InlineData("openai.test.mjs")]
    [InlineData("ai-sdk.test.mjs")]
    [InlineData("agents.test.mjs")]
    [InlineData("langchain.test.mjs")]
    public Task Client_understands_the_server(string script)
    {
        DeepSeekTokenizer tokenizer = fixture.App.Engine.Tokenizer;
        // Random weights end no thought of theirs, so a script may make it likely.
        Assert.True(tokenizer.TryGetAddedToken("</think>", out int thoughtEnd));
        return NodeScript.RunAsync(
            script,
            fixture.App.Client.BaseAddress!,
            ("HADAL_THOUGHT_END", $"{thoughtEnd}"),
            ("HADAL_PLAIN", PlainTokens.Json(tokenizer))
        );
    }
}
