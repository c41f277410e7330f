using System.Net;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Server;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Server;

/// <summary>The field <c>hadal</c>: what attention chose, and times. The random model chooses 64.</summary>
public sealed class SelectionApiTests : IAsyncLifetime
{
    private const string Path = "/v1/chat/completions";
    private const string Fields =
        """ "messages":[{"role":"user","content":"Who's there?"}],"seed":5,"temperature":1,"max_tokens":70,"ignore_eos":true """;

    private readonly ChatModels _models = new();
    private DeepSeekModel _model = null!;
    private InferenceEngine _engine = null!;
    private ServerApp _app = null!;

    public async ValueTask InitializeAsync()
    {
        _model = ChatModels.Load(_models.V32);
        _engine = new InferenceEngine(_model, DeepSeekTokenizer.Load(_models.V32));
        _app = await StartAsync(options => options.RecordSelection = true);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _engine.Dispose();
        _model.Dispose();
        _models.Dispose();
    }

    [Fact]
    public async Task Whole_and_streamed_answers_tell_what_the_engine_does()
    {
        ChatAnswer answer = await _app.Model.Chat.SubmitAsync(
            new ChatRequest
            {
                Conversation = new ChatConversation { Turns = [ChatTurn.User("Who's there?")] },
                Generation = new GenerationOptions
                {
                    Sampling = new() { Temperature = 1, Seed = 5 },
                    Stop = new() { MaxTokens = 70 },
                    StopAtEos = false,
                    SelectionTokens = 70,
                },
            }
        );
        List<(int, TokenSelection)> expected = [];
        await foreach (AnswerUpdate update in answer)
            expected.Add((update.TokenId, update.Selection!));
        Assert.Contains(expected, token => token.Item2.IsAll);
        Assert.Contains(expected, token => !token.Item2.IsAll);

        string body = $$"""{{{Fields}},"hadal":{"selection":true}""";
        JsonElement whole = await _app.PostAsync(Path, body + "}");
        List<JsonElement> chunks = await _app.StreamAsync(Path, body + ""","stream":true}""");

        MustBePrompt(whole, answer);
        MustBePrompt(chunks[0], answer);
        Assert.All(chunks.Skip(1), chunk => Assert.False(chunk.TryGetProperty("hadal", out _)));
        MustBe(expected, TokensOf(whole.GetProperty("choices")[0]));
        MustBe(expected, chunks.SelectMany(chunk => TokensOf(chunk.GetProperty("choices")[0])));
    }

    [Fact]
    public async Task Nobody_else_is_told_and_no_token_changes()
    {
        JsonElement without = await _app.PostAsync(Path, $"{{{Fields}}}");
        JsonElement with = await _app.PostAsync(
            Path,
            $$$"""{{{{Fields}}},"hadal":{"selection":true,"timings":true}}"""
        );
        Assert.False(without.TryGetProperty("hadal", out _));
        Assert.False(without.GetProperty("choices")[0].TryGetProperty("hadal", out _));
        Assert.Equal(Content(without), Content(with));

        static string Content(JsonElement answer) =>
            answer.GetProperty("choices")[0].GetProperty("message").ToString();
    }

    [Fact]
    public async Task Server_that_does_not_record_says_what_to_do()
    {
        await using ServerApp other = await StartAsync(_ => { });
        JsonElement error = await other.RefusalAsync(
            Path,
            $$$"""{{{{Fields}}},"hadal":{"selection":true}}"""
        );
        Assert.Equal("hadal.selection", error.GetProperty("param").GetString());
        Assert.Contains(
            "--record-selection",
            error.GetProperty("message").GetString(),
            StringComparison.Ordinal
        );
        Assert.False(
            (await other.GetAsync("/ready")).Body.GetProperty("records_selection").GetBoolean()
        );
        Assert.True(
            (await _app.GetAsync("/ready")).Body.GetProperty("records_selection").GetBoolean()
        );
    }

    [Fact]
    public async Task Choices_share_the_limit()
    {
        await using ServerApp app = await StartAsync(options =>
        {
            options.RecordSelection = true;
            // Two layers, 64 positions, 2 bytes each.
            options.MaxRecordedBytes = 7 * 2 * 64 * 2;
        });
        JsonElement answer = await app.PostAsync(
            Path,
            $$$"""{{{{Fields}}},"n":2,"hadal":{"selection":true}}"""
        );
        Assert.Equal(
            3,
            answer.GetProperty("hadal").GetProperty("selection").GetProperty("limit").GetInt32()
        );
        foreach (JsonElement choice in answer.GetProperty("choices").EnumerateArray())
            Assert.Equal(3, TokensOf(choice).Length);
    }

    [Fact]
    public async Task Timings_come_with_the_usage()
    {
        JsonElement whole = await _app.PostAsync(
            Path,
            $$$"""{{{{Fields}}},"hadal":{"timings":true}}"""
        );
        List<JsonElement> chunks = await _app.StreamAsync(
            Path,
            $$$"""{{{{Fields}}},"hadal":{"timings":true},"stream":true,"stream_options":{"include_usage":true}}"""
        );
        foreach (JsonElement answer in (JsonElement[])[whole, chunks[^1]])
        {
            JsonElement timings = answer.GetProperty("hadal").GetProperty("timings");
            Assert.True(timings.GetProperty("queue_ms").GetDouble() > 0);
            Assert.True(timings.GetProperty("prefill_ms").GetDouble() > 0);
            Assert.True(timings.GetProperty("decode_ms").GetDouble() > 0);
            Assert.Equal(70, timings.GetProperty("steps").GetInt32());
            Assert.Equal(0, timings.GetProperty("drafted_tokens").GetInt32());
            Assert.Equal(0, timings.GetProperty("accepted_tokens").GetInt32());
        }
    }

    [Theory]
    [InlineData("""{"timings":true},"stream":true""", "hadal.timings")]
    [InlineData("""{"timings":1}""", "hadal.timings")]
    [InlineData("""{"selections":true}""", "hadal.selections")]
    public async Task Wrong_wishes_are_named(string value, string param) =>
        Assert.Equal(
            param,
            (await _app.RefusalAsync(Path, $$"""{{{Fields}},"hadal":{{value}}}"""))
                .GetProperty("param")
                .GetString()
        );

    private Task<ServerApp> StartAsync(Action<HadalOptions> configure) =>
        ServerApp.StartAsync(_models.V32, _engine, configure);

    private void MustBePrompt(JsonElement answer, ChatAnswer expected)
    {
        JsonElement selection = answer.GetProperty("hadal").GetProperty("selection");
        Assert.Equal(64, selection.GetProperty("top_k").GetInt32());
        Assert.Equal([0, 1], selection.GetProperty("layers").EnumerateArray().Select(Integer));
        Assert.Equal((64 << 20) / (2 * 64 * 2), selection.GetProperty("limit").GetInt32());
        Assert.Equal(
            _engine.Tokenizer.Decode(expected.Prompt.Span, skipSpecialTokens: false),
            string.Concat(selection.GetProperty("prompt").EnumerateArray())
        );
        Assert.Equal(expected.Prompt.Length, selection.GetProperty("prompt").GetArrayLength());
    }

    private static void MustBe(
        List<(int Id, TokenSelection Selection)> expected,
        IEnumerable<JsonElement> told
    )
    {
        JsonElement[] tokens = [.. told];
        Assert.Equal(expected.Count, tokens.Length);
        foreach ((JsonElement token, (int id, TokenSelection selection)) in tokens.Zip(expected))
        {
            Assert.Equal(id, token.GetProperty("id").GetInt32());
            Assert.Equal(selection.VisibleTokens, token.GetProperty("position").GetInt32());
            JsonElement chosen = token.GetProperty("chosen");
            Assert.Equal(selection.IsAll, chosen.ValueKind == JsonValueKind.Null);
            for (int layer = 0; layer < 2 && !selection.IsAll; layer++)
            {
                int position = 0;
                Assert.Equal(
                    selection.Positions(layer),
                    chosen[layer]
                        .EnumerateArray()
                        .Select(difference => position += Integer(difference))
                );
            }
        }
    }

    private static JsonElement[] TokensOf(JsonElement choice) =>
        choice.TryGetProperty("hadal", out JsonElement hadal)
            ? [.. hadal.GetProperty("selection").EnumerateArray()]
            : [];

    private static int Integer(JsonElement number) => number.GetInt32();
}
