using System.ClientModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;
using OpenAI;

namespace Hadal.Tests.Server.Clients;

/// <summary>Microsoft.Extensions.AI understands the server through OpenAI's client.</summary>
public sealed class ExtensionsAIClientTests(ServerFixture fixture) : IClassFixture<ServerFixture>
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
    public sealed record Opening(Day Day, [property: Range(0, 23)] int Hour);

    private IChatClient Client =>
        new OpenAIClient(
            new ApiKeyCredential("none"),
            new OpenAIClientOptions { Endpoint = new Uri(fixture.App.Client.BaseAddress!, "v1") }
        )
            .GetChatClient("deep")
            .AsIChatClient();

    [Fact]
    public async Task Streamed_answer_is_the_whole_one()
    {
        using IChatClient client = Client;
        ChatResponse whole = await client.GetResponseAsync(Question, Options(), Cancellation);
        ChatResponse streamed = await client
            .GetStreamingResponseAsync(Question, Options(), Cancellation)
            .ToChatResponseAsync(Cancellation);
        Assert.NotEqual("", whole.Text);
        Assert.Equal(whole.Text, streamed.Text);
        Assert.Equal(whole.FinishReason, streamed.FinishReason);
        Assert.Equal("deep", whole.ModelId);
        Assert.InRange(whole.Usage!.OutputTokenCount!.Value, 1, 200);
        Assert.Equal(whole.Usage.TotalTokenCount, streamed.Usage!.TotalTokenCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pipeline_calls_tools_and_feeds_their_results_back(bool streams)
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
        using IChatClient client = Client
            .AsBuilder()
            .UseFunctionInvocation(configure: it => it.MaximumIterationsPerRequest = 1)
            .Build();
        ChatOptions options = Options();
        options.Tools = [tool];
        options.ToolMode = ChatToolMode.RequireSpecific("open");
        options.AllowMultipleToolCalls = false;
        ChatResponse response = streams
            ? await client
                .GetStreamingResponseAsync(Question, options, Cancellation)
                .ToChatResponseAsync(Cancellation)
            : await client.GetResponseAsync(Question, options, Cancellation);
        Assert.InRange(Assert.Single(calls).Hour, 0, 23);
        FunctionCallContent call = Assert.Single(Contents<FunctionCallContent>(response));
        FunctionResultContent result = Assert.Single(Contents<FunctionResultContent>(response));
        Assert.Equal(call.CallId, result.CallId);
        Assert.Equal("it is shut", result.Result?.ToString());
        // The answer after the result.
        Assert.Equal(ChatRole.Assistant, response.Messages[^1].Role);
        Assert.Equal(3, response.Messages.Count);
    }

    [Fact]
    public async Task Answer_is_an_object_of_its_type()
    {
        using IChatClient client = Client;
        ChatResponse<Opening> response = await client.GetResponseAsync<Opening>(
            Question,
            Options(),
            cancellationToken: Cancellation
        );
        // The client tells of bounds in words alone.
        Assert.True(Enum.IsDefined(response.Result.Day));
    }

    [Fact]
    public async Task Refusal_is_an_error_with_its_status()
    {
        using IChatClient client = Client;
        ChatOptions options = Options();
        options.ModelId = "gpt-4";
        var error = await Assert.ThrowsAsync<ClientResultException>(() =>
            client.GetResponseAsync(Question, options, Cancellation)
        );
        Assert.Equal(404, error.Status);
    }

    private static IEnumerable<T> Contents<T>(ChatResponse response) =>
        response.Messages.SelectMany(message => message.Contents).OfType<T>();

    private static ChatOptions Options() =>
        new()
        {
            Temperature = 1,
            Seed = 4,
            MaxOutputTokens = 200,
        };
}
