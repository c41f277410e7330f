using System.Text;
using System.Text.Json;
using Anthropic;
using Anthropic.Core;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;

namespace Hadal.Tests.Server.Messages;

/// <summary>Anthropic's .NET client understands the server.</summary>
public sealed class AnthropicClientTests(MessagesFixture fixture) : IClassFixture<MessagesFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static readonly Tool s_tool = new()
    {
        Name = "open",
        Description = "Opens a shop",
        InputSchema = new()
        {
            Properties = new Dictionary<string, JsonElement>
            {
                ["day"] = JsonElement.Parse("""{"enum":["monday","friday"]}"""),
            },
            Required = ["day"],
        },
    };

    private AnthropicClient Client =>
        new(
            new ClientOptions
            {
                ApiKey = "none",
                BaseUrl = fixture.App.Client.BaseAddress!.ToString().TrimEnd('/'),
                MaxRetries = 0,
                ResponseValidation = true,
            }
        );

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Streamed_answer_is_the_whole_one(bool thinks)
    {
        using AnthropicClient client = Client;
        MessageCreateParams request = Request() with
        {
            System = "Be brief.",
            Thinking = thinks
                ? new ThinkingConfigEnabled { BudgetTokens = 1024 }
                : new ThinkingConfigDisabled(),
        };
        Message whole = await client.Messages.Create(request, Cancellation);
        var text = new StringBuilder();
        var thought = new StringBuilder();
        string? signature = null;
        RawMessageDeltaEvent? end = null;
        await foreach (
            RawMessageStreamEvent one in client.Messages.CreateStreaming(request, Cancellation)
        )
        {
            if (one.TryPickContentBlockDelta(out RawContentBlockDeltaEvent? delta))
            {
                if (delta.Delta.TryPickText(out TextDelta? words))
                    text.Append(words.Text);
                else if (delta.Delta.TryPickThinking(out ThinkingDelta? thinking))
                    thought.Append(thinking.Thinking);
                else if (delta.Delta.TryPickSignature(out SignatureDelta? signed))
                    signature = signed.Signature;
            }
            else if (one.TryPickDelta(out RawMessageDeltaEvent? last))
            {
                end = last;
            }
        }
        ThinkingBlock? block = null;
        Assert.Equal(thinks, whole.Content[0].TryPickThinking(out block));
        Assert.Equal(block?.Thinking ?? "", thought.ToString());
        Assert.Equal(block?.Signature, signature);
        Assert.True(whole.Content[^1].TryPickText(out TextBlock? answer));
        Assert.Equal(answer.Text, text.ToString());
        Assert.Equal(StopReason.EndTurn, whole.StopReason!.Value());
        Assert.Equal(StopReason.EndTurn, end!.Delta.StopReason!.Value());
        Assert.Equal(whole.Usage.OutputTokens, end.Usage.OutputTokens);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tool_is_called_and_its_result_answered(bool named)
    {
        using AnthropicClient client = Client;
        MessageCreateParams request = Request() with
        {
            Tools = [s_tool],
            ToolChoice = named
                ? new ToolChoiceTool { Name = "open", DisableParallelToolUse = true }
                : new ToolChoiceAny { DisableParallelToolUse = true },
        };
        Message message = await client.Messages.Create(request, Cancellation);
        Assert.Equal(StopReason.ToolUse, message.StopReason!.Value());
        Assert.True(Assert.Single(message.Content).TryPickToolUse(out ToolUseBlock? call));
        Assert.Equal("open", call.Name);
        string day = call.Input["day"].GetString()!;
        Assert.Contains(day, (string[])["monday", "friday"]);

        var input = new StringBuilder();
        await foreach (
            RawMessageStreamEvent one in client.Messages.CreateStreaming(request, Cancellation)
        )
        {
            if (
                one.TryPickContentBlockDelta(out RawContentBlockDeltaEvent? delta)
                && delta.Delta.TryPickInputJson(out InputJsonDelta? json)
            )
                input.Append(json.PartialJson);
        }
        Assert.Equal(day, JsonElement.Parse(input.ToString()).GetProperty("day").GetString());

        Message next = await client.Messages.Create(
            request with
            {
                ToolChoice = new ToolChoiceNone(),
                Messages =
                [
                    .. request.Messages,
                    new AssistantMessageParam
                    {
                        Content = new List<ContentBlockParam>
                        {
                            new ToolUseBlockParam
                            {
                                ID = call.ID,
                                Name = call.Name,
                                Input = call.Input,
                            },
                        },
                    },
                    new UserMessageParam
                    {
                        Content = new List<ContentBlockParam>
                        {
                            new ToolResultBlockParam
                            {
                                ToolUseID = call.ID,
                                Content = "it is shut",
                            },
                        },
                    },
                ],
            },
            Cancellation
        );
        Assert.True(next.Content[0].TryPickText(out _));
    }

    [Fact]
    public async Task Tokens_are_counted()
    {
        using AnthropicClient client = Client;
        MessageTokensCount count = await client.Messages.CountTokens(
            new MessageCountTokensParams
            {
                Model = "deep",
                Messages = Request().Messages,
                Tools = [s_tool],
            },
            Cancellation
        );
        Message message = await client.Messages.Create(
            Request() with
            {
                Tools = [s_tool],
                MaxTokens = 1,
            },
            Cancellation
        );
        Assert.Equal(
            message.Usage.InputTokens + message.Usage.CacheReadInputTokens,
            count.InputTokens
        );
    }

    [Fact]
    public async Task Refusals_are_errors_of_their_kind()
    {
        using AnthropicClient client = Client;
        var error = await Assert.ThrowsAsync<AnthropicNotFoundException>(() =>
            client.Messages.Create(Request() with { Model = "claude-opus" }, Cancellation)
        );
        Assert.Contains("claude-opus", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<AnthropicBadRequestException>(() =>
            client.Messages.Create(Request() with { MaxTokens = 0 }, Cancellation)
        );
    }

    private static MessageCreateParams Request() =>
        new()
        {
            Model = "deep",
            MaxTokens = 2000,
            Messages = [new UserMessageParam { Content = "Who's there?" }],
            Metadata = new() { UserID = "someone" },
        };
}
