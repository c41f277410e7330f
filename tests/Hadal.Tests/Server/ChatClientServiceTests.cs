using System.Text.Json;
using Hadal.Server;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Tests.Server;

/// <summary>Applications ask the model that they serve through <see cref="IChatClient"/>, too.</summary>
public sealed class ChatClientServiceTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_answers_as_the_endpoint_does()
    {
        IServiceProvider services = fixture.App.Services;
        IChatClient client = services.GetRequiredService<IChatClient>();
        Assert.Same(client, services.GetRequiredKeyedService<IChatClient>(HadalModel.ServiceKey));
        Assert.Equal("deep", client.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Same(fixture.App.Model, client.GetService<HadalModel>());
        var options = new ChatOptions { MaxOutputTokens = 20, Seed = 3 };
        ChatResponse whole = await client.GetResponseAsync("Who's there?", options, Cancellation);
        string streamed = "";
        await foreach (
            ChatResponseUpdate update in client.GetStreamingResponseAsync(
                "Who's there?",
                options,
                Cancellation
            )
        )
            streamed += update.Text;
        JsonElement answer = await fixture.App.PostAsync(
            "/v1/chat/completions",
            """{"messages":[{"role":"user","content":"Who's there?"}],"max_tokens":20,"seed":3}"""
        );
        Assert.NotEqual("", whole.Text);
        Assert.Equal(whole.Text, streamed);
        Assert.Equal(
            whole.Text,
            answer
                .GetProperty("choices")[0]
                .GetProperty("message")
                .GetProperty("content")
                .GetString()
        );
    }

    [Fact]
    public void An_applications_own_client_stays()
    {
        using var own = new Other();
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(new ConfigurationManager());
        services.AddSingleton<IChatClient>(own);
        services.AddHadal(options => options.Model = fixture.Folder);
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Same(own, provider.GetRequiredService<IChatClient>());
        Assert.NotSame(own, provider.GetRequiredKeyedService<IChatClient>(HadalModel.ServiceKey));
    }

    private sealed class Other : IChatClient
    {
        public Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages,
            ChatOptions? options = null,
            CancellationToken cancellationToken = default
        ) => throw new NotSupportedException();

        public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages,
            ChatOptions? options = null,
            CancellationToken cancellationToken = default
        ) => throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose() { }
    }
}
