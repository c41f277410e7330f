using System.Text.Json;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tests.Inference;

namespace Hadal.Tests.Server;

/// <summary>Fields of requests do what they say: a text is the engine's with the same option, and another than without it.</summary>
public sealed class HonouredFieldTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Texts = "/v1/completions";
    private const string Chat = "/v1/chat/completions";
    private const string Prompt = "In the beginning";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private InferenceEngine Engine => fixture.App.Engine;

    [Theory]
    [InlineData("temperature", "0.3")]
    [InlineData("top_p", "0.2")]
    [InlineData("top_k", "3")]
    [InlineData("min_p", "0.5")]
    [InlineData("presence_penalty", "2")]
    [InlineData("frequency_penalty", "2")]
    [InlineData("repetition_penalty", "3")]
    [InlineData("logit_bias", """{"5":100}""")]
    [InlineData("seed", "6")]
    [InlineData("stop_token_ids", "[]")] // Its id is one of the text.
    [InlineData("max_tokens", "4")]
    [InlineData("max_completion_tokens", "4")]
    public async Task Text_is_that_of_the_engine(string field, string value)
    {
        foreach (string path in (string[])[Texts, Chat])
        {
            if (path == Texts && field == "max_completion_tokens")
                continue;
            GenerationOptions options = new()
            {
                Sampling = new() { Temperature = 1, Seed = 5 },
                Stop = new() { MaxTokens = 20 },
                StopAtEos = false,
            };
            int[] prompt = PromptOf(path);
            List<GeneratedToken> without = Engine.Submit(prompt, options).Tokens();
            string sent = field == "stop_token_ids" ? $"[{without[6].Id}]" : value;
            List<GeneratedToken> with = Engine
                .Submit(prompt, With(options, field, JsonElement.Parse(sent)))
                .Tokens();
            string[] fields =
            [
                "\"temperature\":1",
                "\"seed\":5",
                "\"max_tokens\":20",
                "\"ignore_eos\":true",
            ];
            string body = string.Join(
                ',',
                [
                    .. fields.Where(one =>
                        !one.StartsWith($"\"{field}\"", StringComparison.Ordinal)
                    ),
                    $"\"{field}\":{sent}",
                ]
            );
            (string text, int tokens) = await AskAsync(path, body);
            Assert.Equal((with.Text(), with.Count), (text, tokens));
            Assert.NotEqual(without.Text(), text);
        }
    }

    [Theory]
    [InlineData(Texts)]
    [InlineData(Chat)]
    public async Task End_of_the_text_waits_for_as_many_tokens(string path)
    {
        string ends = $$"""
            "temperature":0,"max_tokens":9,"logit_bias":{"{{Engine.Tokenizer.EosId}}":100}
            """;
        Assert.Equal(1, (await AskAsync(path, ends)).Tokens);
        Assert.Equal(6, (await AskAsync(path, $"{ends},\"min_tokens\":5")).Tokens);
        Assert.Equal(9, (await AskAsync(path, $"{ends},\"ignore_eos\":true")).Tokens);
    }

    [Theory]
    [InlineData("\"thinking\":{\"type\":\"enabled\"}", true)]
    [InlineData("\"thinking\":true", true)]
    [InlineData("\"thinking\":false,\"reasoning_effort\":\"high\"", false)]
    [InlineData("\"reasoning_effort\":\"none\"", false)]
    [InlineData("\"reasoning_effort\":\"minimal\"", true)]
    [InlineData("\"reasoning_effort\":\"high\"", true)]
    [InlineData("\"chat_template_kwargs\":{\"thinking\":true}", true)]
    [InlineData("\"chat_template_kwargs\":{\"enable_thinking\":true}", true)]
    [InlineData("\"chat_template_kwargs\":{\"enable_thinking\":false}", false)]
    public async Task Model_thinks_where_it_is_asked_to(string fields, bool thinks)
    {
        JsonElement answer = await fixture.App.PostAsync(
            Chat,
            $$"""{"messages":[{"role":"user","content":"{{Prompt}}"}],"max_tokens":4,"temperature":0,"logit_bias":{{PlainTokens.Json(Engine.Tokenizer)}},{{fields}}}"""
        );
        Assert.Equal(
            thinks,
            answer
                .GetProperty("choices")[0]
                .GetProperty("message")
                .TryGetProperty("reasoning_content", out _)
        );
    }

    private int[] PromptOf(string path) =>
        path == Texts
            ? Engine.Tokenizer.Encode(Prompt)
            : fixture
                .App.Model.Chat.Template.Encode(
                    Engine.Tokenizer,
                    new ChatConversation { Turns = [ChatTurn.User(Prompt)] },
                    Cancellation
                )
                .Ids.ToArray();

    private async Task<(string Text, int Tokens)> AskAsync(string path, string fields)
    {
        string prompt =
            path == Texts
                ? $"\"prompt\":\"{Prompt}\""
                : $$"""{{"\"messages\""}}:[{"role":"user","content":"{{Prompt}}"}]""";
        JsonElement answer = await fixture.App.PostAsync(path, $"{{{prompt},{fields}}}");
        JsonElement choice = answer.GetProperty("choices")[0];
        return (
            path == Texts
                ? choice.GetProperty("text").GetString()!
                : choice.GetProperty("message").GetProperty("content").GetString()!,
            answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32()
        );
    }

    private static GenerationOptions With(
        GenerationOptions options,
        string field,
        JsonElement value
    )
    {
        SamplingOptions sampling = options.Sampling;
        return field switch
        {
            "temperature" => Sampled(sampling with { Temperature = value.GetSingle() }),
            "top_p" => Sampled(sampling with { TopP = value.GetSingle() }),
            "top_k" => Sampled(sampling with { TopK = value.GetInt32() }),
            "min_p" => Sampled(sampling with { MinP = value.GetSingle() }),
            "presence_penalty" => Sampled(sampling with { PresencePenalty = value.GetSingle() }),
            "frequency_penalty" => Sampled(sampling with { FrequencyPenalty = value.GetSingle() }),
            "repetition_penalty" => Sampled(
                sampling with
                {
                    RepetitionPenalty = value.GetSingle(),
                }
            ),
            "logit_bias" => Sampled(
                sampling with
                {
                    LogitBias = new Dictionary<int, float> { [5] = 100 },
                }
            ),
            "seed" => Sampled(sampling with { Seed = value.GetUInt64() }),
            "stop_token_ids" => options with
            {
                Stop = options.Stop with { Tokens = [value[0].GetInt32()] },
            },
            _ => options with { Stop = options.Stop with { MaxTokens = value.GetInt32() } },
        };

        GenerationOptions Sampled(SamplingOptions changed) => options with { Sampling = changed };
    }
}
