using System.Text.Json.Serialization;
using Anthropic;
using Anthropic.Core;
using Microsoft.Extensions.AI;

namespace Hadal.Tests.Server.Messages;

/// <summary>Microsoft.Extensions.AI understands the server through Anthropic's client, in the API's both forms.</summary>
public sealed class AnthropicChatClientTests(MessagesFixture fixture)
    : IClassFixture<MessagesFixture>
{
    private const string Question = "Who's there?";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public enum Day
    {
        Monday,
        Friday,
    }

    // A random model would never end other properties.
    [JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
    public sealed record Opening(Day Day);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Streamed_answer_is_the_whole_one(bool isBeta)
    {
        using AnthropicClient anthropic = NewClient();
        using IChatClient client = Chat(anthropic, isBeta);
        ChatResponse whole = await client.GetResponseAsync(Question, Options(), Cancellation);
        ChatResponse streamed = await client
            .GetStreamingResponseAsync(Question, Options(), Cancellation)
            .ToChatResponseAsync(Cancellation);
        Assert.NotEqual("", whole.Text);
        Assert.Equal(whole.Text, streamed.Text);
        Assert.Equal(ChatFinishReason.Stop, whole.FinishReason);
        Assert.Equal(whole.FinishReason, streamed.FinishReason);
        Assert.Equal(whole.Usage!.OutputTokenCount, streamed.Usage!.OutputTokenCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pipeline_calls_tools_and_feeds_their_results_back(bool isBeta)
    {
        List<Opening> calls = [];
        AIFunction tool = AIFunctionFactory.Create(
            (Opening opening) =>
            {
                calls.Add(opening);
                return "it is shut";
            },
            "open",
            "Opens a shop"
        );
        using AnthropicClient anthropic = NewClient();
        using IChatClient client = Chat(anthropic, isBeta)
            .AsBuilder()
            .UseFunctionInvocation(configure: it => it.MaximumIterationsPerRequest = 1)
            .Build();
        ChatOptions options = Options();
        options.Tools = [tool];
        options.ToolMode = ChatToolMode.RequireSpecific("open");
        options.AllowMultipleToolCalls = false;
        ChatResponse response = await client
            .GetStreamingResponseAsync(Question, options, Cancellation)
            .ToChatResponseAsync(Cancellation);
        Assert.True(Enum.IsDefined(Assert.Single(calls).Day));
        Assert.Equal(ChatRole.Assistant, response.Messages[^1].Role);
    }

    [Fact]
    public async Task Answer_is_an_object_of_its_type()
    {
        using AnthropicClient anthropic = NewClient();
        using IChatClient client = Chat(anthropic, isBeta: false);
        ChatResponse<Opening> response = await client.GetResponseAsync<Opening>(
            Question,
            Options(),
            cancellationToken: Cancellation
        );
        Assert.True(Enum.IsDefined(response.Result.Day));
    }

    private static ChatOptions Options() => new() { MaxOutputTokens = 2000 };

    private static IChatClient Chat(AnthropicClient client, bool isBeta) =>
        isBeta ? client.Beta.AsIChatClient("deep") : client.AsIChatClient("deep");

    private AnthropicClient NewClient() =>
        new(
            new ClientOptions
            {
                AuthToken = "none",
                BaseUrl = fixture.App.Client.BaseAddress!.ToString().TrimEnd('/'),
                MaxRetries = 0,
                ResponseValidation = true,
            }
        );
}
