using System.ClientModel;
using System.Text;
using System.Text.Json;
using Json.Schema;
using OpenAI.Responses;

namespace Hadal.Tests.Server.Responses;

/// <summary>The official .NET client understands <c>/v1/responses</c>.</summary>
public sealed class ResponsesClientTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Schema =
        """{"type":"object","properties":{"day":{"enum":["monday","friday"]}},"required":["day"],"additionalProperties":false}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ResponsesClient Client =>
        new(
            new ApiKeyCredential("none"),
            new ResponsesClientOptions { Endpoint = new Uri(fixture.App.Client.BaseAddress!, "v1") }
        );

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Streamed_answer_is_the_whole_one(bool thinks)
    {
        CreateResponseOptions options = Options();
        options.Instructions = "Be short.";
        options.Metadata["a"] = "b";
        if (thinks)
            options.ReasoningOptions = new ResponseReasoningOptions
            {
                ReasoningEffortLevel = ResponseReasoningEffortLevel.High,
            };
        ResponseResult whole = await Client.CreateResponseAsync(options, Cancellation);
        Assert.Equal(ResponseStatus.Incomplete, whole.Status);
        Assert.Equal(
            ResponseIncompleteStatusReason.MaxOutputTokens,
            whole.IncompleteStatusDetails.Reason
        );
        Assert.Equal("b", whole.Metadata["a"]);
        Assert.Equal(60, whole.Usage.OutputTokenCount);
        Assert.Equal(thinks ? 60 : 0, whole.Usage.OutputTokenDetails.ReasoningTokenCount);
        Type type = thinks ? typeof(ReasoningResponseItem) : typeof(MessageResponseItem);
        Assert.IsAssignableFrom(type, Assert.Single(whole.OutputItems));

        var text = new StringBuilder();
        var thought = new StringBuilder();
        ResponseResult? final = null;
        int number = 0;
        await foreach (StreamingResponseUpdate update in StreamAsync(options))
        {
            Assert.Equal(number++, update.SequenceNumber);
            switch (update)
            {
                case StreamingResponseOutputTextDeltaUpdate delta:
                    text.Append(delta.Delta);
                    break;
                case StreamingResponseReasoningTextDeltaUpdate delta:
                    thought.Append(delta.Delta);
                    break;
                case StreamingResponseIncompleteUpdate end:
                    final = end.Response;
                    break;
            }
        }
        Assert.Equal(whole.GetOutputText() ?? "", text.ToString());
        Assert.Equal(whole.GetOutputText(), final!.GetOutputText());
        Assert.NotEqual(0, thinks ? thought.Length : text.Length);
        Assert.Equal(whole.Usage.TotalTokenCount, final.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task Function_is_called_and_its_result_answered()
    {
        CreateResponseOptions options = Options();
        options.Tools.Add(
            ResponseTool.CreateFunctionTool(
                "open",
                BinaryData.FromString(Schema),
                strictModeEnabled: true,
                "Opens a shop"
            )
        );
        options.Tools.Add(ResponseTool.CreateWebSearchTool());
        options.ToolChoice = ResponseToolChoice.CreateRequiredChoice();
        options.MaxOutputTokenCount = 400;
        options.ParallelToolCallsEnabled = false;
        ResponseResult response = await Client.CreateResponseAsync(options, Cancellation);
        Assert.Equal(ResponseStatus.Completed, response.Status);
        Assert.Equal(2, response.Tools.Count);
        var call = Assert.IsAssignableFrom<FunctionCallResponseItem>(
            Assert.Single(response.OutputItems)
        );
        Assert.Equal("open", call.FunctionName);
        Assert.Equal(FunctionCallStatus.Completed, call.Status);
        MustFit(call.FunctionArguments.ToString());

        var arguments = new StringBuilder();
        await foreach (StreamingResponseUpdate update in StreamAsync(options))
        {
            if (update is StreamingResponseFunctionCallArgumentsDeltaUpdate delta)
                arguments.Append(delta.Delta);
        }
        Assert.Equal(call.FunctionArguments.ToString(), arguments.ToString());

        options.InputItems.Add(call);
        options.InputItems.Add(
            ResponseItem.CreateFunctionCallOutputItem(call.CallId, "it is shut")
        );
        options.ToolChoice = ResponseToolChoice.CreateNoneChoice();
        options.MaxOutputTokenCount = 20;
        ResponseResult answer = await Client.CreateResponseAsync(options, Cancellation);
        Assert.NotEqual("", answer.GetOutputText());
    }

    [Fact]
    public async Task Content_fits_the_schema()
    {
        CreateResponseOptions options = Options();
        options.TextOptions = new ResponseTextOptions
        {
            TextFormat = ResponseTextFormat.CreateJsonSchemaFormat(
                "day",
                BinaryData.FromString(Schema),
                jsonSchemaIsStrict: true
            ),
        };
        ResponseResult response = await Client.CreateResponseAsync(options, Cancellation);
        MustFit(response.GetOutputText());
    }

    [Fact]
    public async Task Log_probabilities_are_read()
    {
        CreateResponseOptions options = Options();
        options.IncludedProperties.Add(
            new IncludedResponseProperty("message.output_text.logprobs")
        );
        options.TopLogProbabilityCount = 2;
        ResponseResult response = await Client.CreateResponseAsync(options, Cancellation);
        var message = (MessageResponseItem)Assert.Single(response.OutputItems);
        IReadOnlyList<ResponseTokenLogProbabilityDetails> tokens = message
            .Content[0]
            .OutputTextTokenLogProbabilities;
        Assert.Equal(60, tokens.Count);
        Assert.All(tokens, token => Assert.Equal(2, token.TopLogProbabilities.Count));
    }

    [Fact]
    public async Task Refusal_is_an_error_with_its_status()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(() =>
            Client.GetResponseAsync("resp_1", Cancellation)
        );
        Assert.Equal(404, error.Status);
        Assert.Contains("nothing is stored", error.Message, StringComparison.Ordinal);
    }

    private CreateResponseOptions Options()
    {
        var options = new CreateResponseOptions(
            "deep",
            [ResponseItem.CreateUserMessageItem("Who's there?")]
        )
        {
            Temperature = 0,
            MaxOutputTokenCount = 60,
            StoredOutputEnabled = false,
            EndUserId = "someone",
        };
        string bias = PlainTokens.Json(fixture.App.Engine.Tokenizer);
#pragma warning disable SCME0001 // The client has no other way to send it.
        options.Patch.Set("$.logit_bias"u8, BinaryData.FromString(bias));
#pragma warning restore SCME0001
        return options;
    }

    private async IAsyncEnumerable<StreamingResponseUpdate> StreamAsync(
        CreateResponseOptions options
    )
    {
        options.StreamingEnabled = true;
        var stream = await Client.CreateResponseStreamingAsync(options, Cancellation);
        await foreach (StreamingResponseUpdate update in stream)
            yield return update;
        options.StreamingEnabled = null;
    }

    private static void MustFit(string json)
    {
        using var document = JsonDocument.Parse(json);
        Assert.True(JsonSchema.FromText(Schema).Evaluate(document.RootElement).IsValid, json);
    }
}
