using System.ClientModel;
using System.Text;
using System.Text.Json;
using Json.Schema;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace Hadal.Tests.Server;

/// <summary>The official .NET client understands the server.</summary>
public sealed class OpenAIClientTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Schema =
        """{"type":"object","properties":{"day":{"enum":["monday","friday"]}},"required":["day"],"additionalProperties":false}""";

    private static readonly ChatMessage[] s_question = [new UserChatMessage("Who's there?")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private OpenAIClient Client =>
        new(
            new ApiKeyCredential("none"),
            new OpenAIClientOptions { Endpoint = new Uri(fixture.App.Client.BaseAddress!, "v1") }
        );

    private ChatClient Chat => Client.GetChatClient("deep");

    [Fact]
    public async Task Streamed_answer_is_the_whole_one()
    {
        ChatCompletionOptions options = Options();
        ChatCompletion whole = await Chat.CompleteChatAsync(s_question, options, Cancellation);
        var text = new StringBuilder();
        ChatTokenUsage? usage = null;
        ChatFinishReason? finish = null;
        await foreach (
            StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync(
                s_question,
                Options(),
                Cancellation
            )
        )
        {
            foreach (ChatMessageContentPart part in update.ContentUpdate)
                text.Append(part.Text);
            usage = update.Usage ?? usage;
            finish = update.FinishReason ?? finish;
        }
        Assert.NotEqual("", whole.Content[0].Text);
        Assert.Equal(whole.Content[0].Text, text.ToString());
        Assert.Equal(whole.FinishReason, finish);
        Assert.Equal(whole.Usage.TotalTokenCount, usage!.TotalTokenCount);
        Assert.Equal(0, whole.Usage.OutputTokenDetails.ReasoningTokenCount);
    }

    [Fact]
    public async Task Tool_is_called_and_its_result_answered()
    {
        var tool = ChatTool.CreateFunctionTool(
            "open",
            "Opens a shop",
            BinaryData.FromString(Schema)
        );
        ChatCompletionOptions options = Options();
        options.Tools.Add(tool);
        options.ToolChoice = ChatToolChoice.CreateRequiredChoice();
        options.AllowParallelToolCalls = false;
        ChatCompletion completion = await Chat.CompleteChatAsync(s_question, options, Cancellation);
        Assert.Equal(ChatFinishReason.ToolCalls, completion.FinishReason);
        ChatToolCall call = Assert.Single(completion.ToolCalls);
        Assert.Equal("open", call.FunctionName);
        MustFit(call.FunctionArguments.ToString());

        string name = "";
        var arguments = new StringBuilder();
        await foreach (
            StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync(
                s_question,
                options,
                Cancellation
            )
        )
        {
            foreach (StreamingChatToolCallUpdate part in update.ToolCallUpdates)
            {
                name += part.FunctionName;
                arguments.Append(part.FunctionArgumentsUpdate);
            }
        }
        Assert.Equal("open", name);
        Assert.Equal(call.FunctionArguments.ToString(), arguments.ToString());

        ChatCompletionOptions next = Options();
        next.Tools.Add(tool);
        next.ToolChoice = ChatToolChoice.CreateNoneChoice();
        ChatCompletion answer = await Chat.CompleteChatAsync(
            [
                .. s_question,
                new AssistantChatMessage(completion),
                new ToolChatMessage(call.Id, "it is shut"),
            ],
            next,
            Cancellation
        );
        Assert.NotEmpty(answer.Content);
    }

    [Fact]
    public async Task Content_fits_the_schema()
    {
        ChatCompletionOptions options = Options();
        options.ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat(
            "day",
            BinaryData.FromString(Schema),
            jsonSchemaIsStrict: true
        );
        ChatCompletion completion = await Chat.CompleteChatAsync(s_question, options, Cancellation);
        MustFit(completion.Content[0].Text);
    }

    [Fact]
    public async Task Log_probabilities_are_read()
    {
        ChatCompletionOptions options = Options();
        options.IncludeLogProbabilities = true;
        options.TopLogProbabilityCount = 2;
        foreach ((int id, float bias) in PlainTokens.Bias(fixture.App.Engine.Tokenizer))
            options.LogitBiases[id] = (int)bias;
        ChatCompletion completion = await Chat.CompleteChatAsync(s_question, options, Cancellation);
        Assert.NotEmpty(completion.ContentTokenLogProbabilities);
        Assert.All(
            completion.ContentTokenLogProbabilities,
            token => Assert.Equal(2, token.TopLogProbabilities.Count)
        );
        Assert.Equal(
            completion.Content[0].Text,
            Encoding.UTF8.GetString([
                .. completion.ContentTokenLogProbabilities.SelectMany(token =>
                    token.Utf8Bytes!.Value.ToArray()
                ),
            ])
        );
    }

    [Fact]
    public async Task Refusal_is_an_error_with_its_status()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(() =>
            Client.GetChatClient("gpt-4").CompleteChatAsync(s_question, Options(), Cancellation)
        );
        Assert.Equal(404, error.Status);
        Assert.Contains("gpt-4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_are_listed()
    {
        OpenAIModelCollection models = await Client
            .GetOpenAIModelClient()
            .GetModelsAsync(Cancellation);
        Assert.Equal("deep", Assert.Single(models).Id);
    }

    private static ChatCompletionOptions Options() =>
        new()
        {
            Temperature = 1,
            Seed = 4,
            MaxOutputTokenCount = 200,
            StoredOutputEnabled = false,
            EndUserId = "someone",
        };

    private static void MustFit(string json)
    {
        using var document = JsonDocument.Parse(json);
        Assert.True(JsonSchema.FromText(Schema).Evaluate(document.RootElement).IsValid, json);
    }
}
