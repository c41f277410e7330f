using Hadal.Extensions.AI;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tests.Model;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Tests.Extensions;

public sealed class ConcurrentChatTests : IDisposable
{
    private static readonly ChatMessage[] Question = [new(ChatRole.User, "Who art thou?")];
    private static readonly ChatOptions Options = new() { MaxOutputTokens = 24 };

    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly InferenceEngine _engine;
    private readonly IChatClient _client;

    public ConcurrentChatTests()
    {
        _engine = new InferenceEngine(_model, _tokenizer);
        _client = _engine.AsIChatClient();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _client.Dispose();
        _engine.Dispose();
        _model.Dispose();
    }

    [Fact]
    public async Task Request_inside_the_loop_of_anothers_stream_is_answered()
    {
        string alone = await Answer(_client);
        string outer = "";
        await foreach (ChatResponseUpdate update in Stream(_client))
        {
            if (outer == "")
                Assert.Equal(alone, await Answer(_client));
            outer += update.Text;
        }
        Assert.Equal(alone, outer);
    }

    [Fact]
    public async Task Requests_at_the_same_time_are_answered_as_alone()
    {
        string alone = await Answer(_client);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Answer(_client)));
        Assert.All(answers, answer => Assert.Equal(alone, answer));
        Waiting.Until(() => _engine.Cache.Statistics.ReferencedPages == 0);
    }

    [Fact]
    public async Task Request_that_finds_the_cache_full_waits_for_the_other()
    {
        string alone = await Answer(_client);
        // The question and its answer fit, and no second one beside them.
        using var engine = new InferenceEngine(
            _model,
            _tokenizer,
            new EngineOptions { CacheTokens = 64 }
        );
        using IChatClient client = engine.AsIChatClient();
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Answer(client)));
        Assert.All(answers, answer => Assert.Equal(alone, answer));
    }

    [Fact]
    public async Task Request_waits_on_no_thread_of_its_caller()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        using IChatClient client = engine.AsIChatClient();
        Task<string> answer = await Waiting.OnThread(() => Answer(client)).Soon();
        Assert.False(answer.IsCompleted);
        engine.Start();
        Assert.NotEqual("", await answer.Soon());
    }

    [Fact]
    public async Task Disposed_client_ends_its_requests()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        IChatClient client = engine.AsIChatClient();
        Task waiting = Answer(client);
        Task another = Answer(client);
        client.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => another.Soon());
        Assert.Throws<ObjectDisposedException>(() => Stream(client));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Answer(client));
        engine.Step();
        engine.MustBeUnused();
        // The engine is its owner's.
        engine.Start();
        using IChatClient next = engine.AsIChatClient();
        Assert.NotEqual("", await Answer(next));
    }

    [Fact]
    public async Task Cancelled_request_leaves_while_it_waits()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        using IChatClient client = engine.AsIChatClient();
        using var source = new CancellationTokenSource();
        Task waiting = client.GetResponseAsync(Question, Options, source.Token);
        await source.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        Assert.Equal(source.Token, error.CancellationToken);
    }

    private static IAsyncEnumerable<ChatResponseUpdate> Stream(IChatClient client) =>
        client.GetStreamingResponseAsync(Question, Options, Cancellation);

    private static async Task<string> Answer(IChatClient client) =>
        (await client.GetResponseAsync(Question, Options, Cancellation)).Text;
}
