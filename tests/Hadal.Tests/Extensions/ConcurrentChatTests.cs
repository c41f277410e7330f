using Hadal.Caching;
using Hadal.Extensions.AI;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tests.Generation;
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
    private readonly TokenGenerator _generator;
    private readonly IChatClient _client;

    public ConcurrentChatTests()
    {
        _generator = new TokenGenerator(_model, _tokenizer, 1024);
        _client = _generator.AsIChatClient();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _client.Dispose();
        _generator.Dispose();
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
        Assert.Equal(_generator.Cache.PageCount, _generator.Cache.FreePages);
    }

    [Fact]
    public async Task Request_that_finds_the_cache_full_is_told_so_and_the_other_goes_on()
    {
        string alone = await Answer(_client);
        // The question and its answer fit, and no second one beside them.
        using var generator = new TokenGenerator(_model, _tokenizer, 64);
        using IChatClient client = generator.AsIChatClient();
        string outer = "";
        await foreach (ChatResponseUpdate update in Stream(client))
        {
            await Assert.ThrowsAsync<CacheFullException>(() => Answer(client));
            outer += update.Text;
        }
        Assert.Equal(alone, outer);
        Assert.Equal(alone, await Answer(client));
    }

    [Fact]
    public async Task Request_waits_on_no_thread_of_its_caller()
    {
        Task<string> answer;
        using (new HeldGenerator(_generator))
        {
            answer = await Waiting.OnThread(() => Answer(_client)).Soon();
            Assert.False(answer.IsCompleted);
        }
        Assert.NotEqual("", await answer.Soon());
    }

    [Fact]
    public async Task Disposed_client_ends_its_requests()
    {
        await using IAsyncEnumerator<ChatResponseUpdate> begun = Stream(_client)
            .GetAsyncEnumerator(Cancellation);
        Assert.True(await begun.MoveNextAsync());
        using (new HeldGenerator(_generator))
        {
            Task waiting = Answer(_client);
            Task next = begun.MoveNextAsync().AsTask();
            _client.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Soon());
            await Assert.ThrowsAsync<ObjectDisposedException>(() => next.Soon());
        }
        Assert.Throws<ObjectDisposedException>(() => Stream(_client));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Answer(_client));
        Assert.Equal(_generator.Cache.PageCount, _generator.Cache.FreePages);
        // The generator is its owner's.
        using IChatClient another = _generator.AsIChatClient();
        Assert.NotEqual("", await Answer(another));
    }

    [Fact]
    public async Task Cancelled_request_leaves_while_it_waits()
    {
        using var source = new CancellationTokenSource();
        using (new HeldGenerator(_generator))
        {
            Task waiting = _client.GetResponseAsync(Question, Options, source.Token);
            await source.CancelAsync();
            var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                waiting.Soon()
            );
            Assert.Equal(source.Token, error.CancellationToken);
        }
    }

    private static IAsyncEnumerable<ChatResponseUpdate> Stream(IChatClient client) =>
        client.GetStreamingResponseAsync(Question, Options, Cancellation);

    private static async Task<string> Answer(IChatClient client) =>
        (await client.GetResponseAsync(Question, Options, Cancellation)).Text;
}
