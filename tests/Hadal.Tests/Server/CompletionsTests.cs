using System.Text.Json;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Server.Completions;
using Hadal.Tests.Inference;
using Hadal.Tokenization;

namespace Hadal.Tests.Server;

/// <summary>Texts of <c>/v1/completions</c>, and tokens.</summary>
public sealed class CompletionsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/completions";
    private const string Prompt = "In the beginning, and ever after";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ServerApp App => fixture.App;

    private InferenceEngine Engine => App.Engine;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Texts_are_those_of_the_engine(bool sendsIds)
    {
        int[] ids = Engine.Tokenizer.Encode(Prompt);
        var options = new GenerationOptions
        {
            Sampling = new() { Temperature = 1, Seed = 9 },
            Stop = new() { MaxTokens = 12 },
            Choices = 2,
        };
        List<GeneratedToken> tokens = Engine.Submit(ids, options).Tokens();
        string[] expected =
        [
            .. Enumerable
                .Range(0, 2)
                .Select(choice => tokens.Where(token => token.Choice == choice).Text()),
        ];
        string prompt = JsonSerializer.Serialize<object>(sendsIds ? ids : Prompt);
        string body = $$"""{"prompt":{{prompt}},"n":2,"seed":9,"temperature":1,"max_tokens":12""";
        JsonElement whole = await App.PostAsync(Path, body + "}");
        Assert.Equal(expected, Texts(whole));
        Assert.Equal("text_completion", whole.GetProperty("object").GetString());
        Assert.Equal(
            ids.Length,
            whole.GetProperty("usage").GetProperty("prompt_tokens").GetInt32()
        );
        Assert.Equal(
            tokens.Count,
            whole.GetProperty("usage").GetProperty("completion_tokens").GetInt32()
        );
        List<JsonElement> chunks = await App.StreamAsync(
            Path,
            body + ""","stream":true,"stream_options":{"include_usage":true}}"""
        );
        Assert.Equal(
            expected,
            Enumerable
                .Range(0, 2)
                .Select(choice =>
                    string.Concat(
                        chunks
                            .SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())
                            .Where(one => one.GetProperty("index").GetInt32() == choice)
                            .Select(one => one.GetProperty("text").GetString())
                    )
                )
        );
        Assert.Equal(0, chunks[^1].GetProperty("choices").GetArrayLength());
        Assert.Equal(
            whole.GetProperty("usage").GetProperty("total_tokens").GetInt32(),
            chunks[^1].GetProperty("usage").GetProperty("total_tokens").GetInt32()
        );
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Echo_has_the_prompt_and_its_log_probabilities_each_time(int maxTokens)
    {
        int[] ids = Engine.Tokenizer.Encode(Prompt);
        InferenceRequest request = Engine.Submit(
            ids,
            new GenerationOptions
            {
                PromptLogProbs = 2,
                LogProbs = 2,
                StopAtEos = false,
                Stop = new() { MaxTokens = Math.Max(1, maxTokens) },
            }
        );
        List<GeneratedToken> generated = request.Tokens()[..maxTokens];
        double?[] expected =
        [
            .. request.PromptLogProbs.Select(one => (double?)one?.Token.LogProb),
            .. generated.Select(token => (double?)token.LogProbs!.Token.LogProb),
        ];
        // The second time the prompt is in the cache, whose tokens have no logits.
        for (int i = 0; i < 2; i++)
        {
            JsonElement answer = await App.PostAsync(
                Path,
                $$"""{"prompt":"{{Prompt}}","echo":true,"logprobs":2,"max_tokens":{{maxTokens}},"temperature":0,"ignore_eos":true}"""
            );
            Assert.Equal(Prompt + generated.Text(), Texts(answer)[0]);
            JsonElement logProbs = answer.GetProperty("choices")[0].GetProperty("logprobs");
            JsonElement[] values = [.. logProbs.GetProperty("token_logprobs").EnumerateArray()];
            Assert.Equal(JsonValueKind.Null, values[0].ValueKind);
            Assert.Equal(
                expected,
                values.Select(value =>
                    value.ValueKind == JsonValueKind.Null ? null : (double?)value.GetSingle()
                )
            );
            JsonElement[] top = [.. logProbs.GetProperty("top_logprobs").EnumerateArray()];
            Assert.Equal(values.Length, top.Length);
            Assert.All(top[1..], one => Assert.InRange(one.EnumerateObject().Count(), 1, 2));
            // BOS is no part of the text.
            string[] tokens = Strings(logProbs.GetProperty("tokens"));
            int[] offsets =
            [
                .. logProbs
                    .GetProperty("text_offset")
                    .EnumerateArray()
                    .Select(one => one.GetInt32()),
            ];
            for (int token = 1; token < ids.Length; token++)
                Assert.Equal(
                    tokens[token],
                    Prompt[offsets[token]..(offsets[token] + tokens[token].Length)]
                );
            Assert.Equal(
                maxTokens,
                answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32()
            );
        }
    }

    [Fact]
    public async Task Stop_string_ends_a_text_before_it()
    {
        string body =
            $$"""{"prompt":"{{Prompt}}","temperature":0,"max_tokens":30,"logit_bias":{{PlainTokens.Json(Engine.Tokenizer)}}""";
        string all = Texts(await App.PostAsync(Path, body + "}"))[0];
        string stop = all[6..9];
        JsonElement answer = await App.PostAsync(
            Path,
            $"{body},\"stop\":{JsonSerializer.Serialize(stop)}}}"
        );
        Assert.Equal(all[..all.IndexOf(stop, StringComparison.Ordinal)], Texts(answer)[0]);
        Assert.Equal(
            "stop",
            answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString()
        );
    }

    [Fact]
    public void Hole_is_marked_as_the_model_was_trained()
    {
        var tokenizer = DeepSeekTokenizer.Load(
            System.IO.Path.Combine(Paths.Root, "tests", "models", "deepseek-v3-tokenizer")
        );
        int[] before = tokenizer.Encode("def f(x):\n", addSpecialTokens: false);
        int[] after = tokenizer.Encode("    return <｜fim▁end｜>", addSpecialTokens: false);
        // The ids of DeepSeek's vocabulary: BOS 0, begin 128801, hole 128800, end 128802.
        Assert.Equal(
            [0, 128801, .. before, 128800, .. after, 128802],
            CompletionPrompt.FillIn(
                tokenizer,
                "def f(x):\n",
                "    return <｜fim▁end｜>",
                Cancellation
            )
        );
    }

    [Fact]
    public async Task Suffix_is_refused_where_the_tokenizer_has_no_marks() =>
        Assert.Equal(
            "suffix",
            (await App.RefusalAsync(Path, """{"prompt":"a","suffix":"b"}"""))
                .GetProperty("param")
                .GetString()
        );

    [Fact]
    public async Task Special_tokens_of_a_prompt_are_such_and_its_bos_is_the_only_one()
    {
        int[] ids = Engine.Tokenizer.Encode("x");
        Assert.Equal(Engine.Tokenizer.BosId, ids[0]);
        string bos = Engine.Tokenizer.Decode([ids[0]]);
        Assert.Equal(ids, CompletionPrompt.Encode(Engine.Tokenizer, $"{bos}x", Cancellation));
        JsonElement answer = await App.PostAsync(
            Path,
            $$"""{"prompt":["{{bos}}x"],"max_tokens":1}"""
        );
        Assert.Equal(
            ids.Length,
            answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32()
        );
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[[]]")]
    [InlineData("[[\"a\"]]")]
    [InlineData("[\"a\",1]")]
    [InlineData("[1,\"a\"]")]
    [InlineData("[1,99999]")]
    [InlineData("[1.5,2]")]
    [InlineData("{}")]
    public async Task Other_prompts_are_refused(string prompt) =>
        Assert.Equal(
            "prompt",
            (await App.RefusalAsync(Path, $$"""{"prompt":{{prompt}}}"""))
                .GetProperty("param")
                .GetString()
        );

    [Fact]
    public async Task Texts_become_tokens_and_tokens_texts()
    {
        JsonElement tokens = await App.PostAsync("/tokenize", """{"prompt":"Who's thére?"}""");
        int[] ids = Engine.Tokenizer.Encode("Who's thére?");
        Assert.Equal(ids, Ids(tokens));
        Assert.Equal(ids.Length, tokens.GetProperty("count").GetInt32());
        Assert.Equal(
            Engine.Tokenizer.Encode("a", addSpecialTokens: false),
            Ids(await App.PostAsync("/tokenize", """{"prompt":"a","add_special_tokens":false}"""))
        );
        JsonElement text = await App.PostAsync(
            "/detokenize",
            $$"""{"tokens":{{JsonSerializer.Serialize(ids[1..])}}}"""
        );
        Assert.Equal("Who's thére?", text.GetProperty("prompt").GetString());
        JsonElement chat = await App.PostAsync(
            "/tokenize",
            """{"messages":[{"role":"user","content":"a"}]}"""
        );
        Assert.Equal(
            App.Model.Chat.Template.Encode(
                    Engine.Tokenizer,
                    new() { Turns = [Hadal.Chat.ChatTurn.User("a")] },
                    Cancellation
                )
                .Ids.ToArray(),
            Ids(chat)
        );
        foreach (
            (string path, string body) in ((string, string)[])
                [
                    ("/tokenize", "{}"),
                    ("/tokenize", """{"prompt":"a","messages":[{"role":"user","content":"a"}]}"""),
                    (
                        "/tokenize",
                        """{"messages":[{"role":"user","content":"a"}],"add_generation_prompt":false}"""
                    ),
                    ("/detokenize", "{}"),
                    ("/detokenize", """{"tokens":[-1]}"""),
                ]
        )
            await App.RefusalAsync(path, body);

        static int[] Ids(JsonElement answer) =>
            [.. answer.GetProperty("tokens").EnumerateArray().Select(one => one.GetInt32())];
    }

    private static string[] Texts(JsonElement answer) =>
        [
            .. answer
                .GetProperty("choices")
                .EnumerateArray()
                .Select(choice => choice.GetProperty("text").GetString()!),
        ];

    private static string[] Strings(JsonElement array) =>
        [.. array.EnumerateArray().Select(one => one.GetString()!)];
}
