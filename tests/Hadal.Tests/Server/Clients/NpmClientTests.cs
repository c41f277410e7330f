namespace Hadal.Tests.Server.Clients;

/// <summary>Clients of npm understand the server.</summary>
public sealed class NpmClientTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    [Fact]
    public Task OpenAI() => RunAsync("openai.test.mjs");

    private Task RunAsync(string name) =>
        NodeScript.RunAsync(name, fixture.App.Client.BaseAddress!);
}
