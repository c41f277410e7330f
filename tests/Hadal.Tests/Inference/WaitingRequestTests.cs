using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Requests that wait, are cancelled, or outlive what they need.</summary>
public sealed class WaitingRequestTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly InferenceEngine _engine;

    public WaitingRequestTests() => _engine = Engines.Stepped(_model, _tokenizer);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }

    [Fact]
    public async Task Caller_of_a_stream_does_not_tokenize()
    {
        string prompt = string.Concat(Enumerable.Repeat("And the king said ", 20_000));
        (Task<bool> first, long bytes) = await Waiting
            .OnThread(() =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Task<bool> first = First(prompt);
                return (first, GC.GetAllocatedBytesForCurrentThread() - before);
            })
            .Soon();
        Assert.InRange(bytes, 0, prompt.Length / 10);
        await Assert.ThrowsAsync<ContextLengthException>(() => first.Soon());
    }

    [Fact]
    public async Task Cancelled_requests_leave_at_once_and_their_pages_before_the_next_step()
    {
        using var source = new CancellationTokenSource();
        InferenceRequest running = _engine.Submit([1, 2, 3], Engines.Limit(50));
        InferenceRequest blocked = _engine.Submit([1, 2, 3, 4], Engines.Limit(50));
        _engine.Step();
        InferenceRequest queued = _engine.Submit([1, 2], Engines.Limit(50));
        Assert.Equal(2, _engine.Cache.Statistics.ReferencedPages);
        Task[] readers =
        [
            ReadAsync(running),
            Waiting.OnThread(() => blocked.Read(source.Token).Count()),
            ReadAsync(queued),
        ];
        await source.CancelAsync();
        foreach (Task reader in readers)
        {
            var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                reader.Soon()
            );
            Assert.Equal(source.Token, error.CancellationToken);
        }
        Assert.False(_engine.Step());
        _engine.MustBeUnused();

        async Task ReadAsync(InferenceRequest request)
        {
            await foreach (GeneratedToken _ in request.WithCancellation(source.Token)) { }
        }
    }

    [Fact]
    public async Task A_step_that_nobody_wants_is_broken_off()
    {
        InferenceRequest request = _engine.Submit(new int[100], Engines.Limit(5));
        using var source = new CancellationTokenSource();
        int layers = 0;
        _engine.Batch.Trace = new ModelTrace
        {
            OnLayer = _ =>
            {
                layers++;
                source.Cancel();
            },
        };
        await using IAsyncEnumerator<GeneratedToken> reader = request.GetAsyncEnumerator(
            source.Token
        );
        Assert.True(_engine.Step());
        Assert.Equal(1, layers);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            reader.MoveNextAsync().AsTask()
        );
        _engine.Batch.Trace = null;
        // The next step is made again.
        InferenceRequest next = _engine.Submit([1, 2], Engines.Limit(2));
        _engine.Finish();
        Assert.Equal(2, next.Tokens().Count);
        _engine.MustBeUnused();
    }

    [Fact]
    public async Task A_stream_left_early_gives_its_pages_back()
    {
        await using (IAsyncEnumerator<GeneratedToken> left = Begin("O"))
        {
            _engine.Start();
            Assert.True(await left.MoveNextAsync());
        }
        Waiting.Until(() => _engine.Cache.Statistics.ReferencedPages == 0);
    }

    [Fact]
    public void Cancelled_texts_end_with_what_they_have()
    {
        var options = Engines.Limit(50) with { Stop = new() { Strings = ["never"] } };
        InferenceRequest running = _engine.Submit([1, 2, 3], options);
        for (int i = 0; i < 5; i++)
            _engine.Step();
        InferenceRequest queued = _engine.Submit([1, 2], options);
        running.Cancel();
        queued.Cancel();
        Assert.False(_engine.Step());
        List<GeneratedToken> tokens = running.Tokens();
        Assert.Equal(6, tokens.Count);
        Assert.Equal((-1, FinishReason.Cancelled), (tokens[^1].Id, tokens[^1].FinishReason));
        Assert.Equal(_tokenizer.Decode(tokens[..^1].Ids(), skipSpecialTokens: true), tokens.Text());
        GeneratedToken only = Assert.Single(queued.Tokens());
        Assert.Equal(("", FinishReason.Cancelled), (only.Text, only.FinishReason));
        _engine.MustBeUnused();
    }

    [Fact]
    public void Deadline_ends_texts_with_what_they_have()
    {
        var clock = new ManualClock();
        using InferenceEngine engine = Engines.Stepped(
            _model,
            _tokenizer,
            options: new EngineOptions { TimeProvider = clock }
        );
        var options = Engines.Limit(50) with { TimeLimit = TimeSpan.FromSeconds(10) };
        InferenceRequest running = engine.Submit([1, 2, 3], options);
        engine.Step();
        engine.Step();
        clock.Advance(TimeSpan.FromSeconds(9));
        InferenceRequest later = engine.Submit([1, 2, 3, 4], options);
        engine.Step();
        clock.Advance(TimeSpan.FromSeconds(1));
        engine.Step();
        Assert.Equal([FinishReason.Deadline], running.FinishReasons);
        Assert.Equal(4, running.Tokens().Count);
        Assert.Equal([null], later.FinishReasons);
        clock.Advance(TimeSpan.FromSeconds(9));
        engine.Finish();
        Assert.Equal(FinishReason.Deadline, later.Tokens()[^1].FinishReason);
        engine.MustBeUnused();
    }

    [Fact]
    public void Queue_is_bounded_and_a_request_that_leaves_makes_room()
    {
        using InferenceEngine engine = Engines.Stepped(
            _model,
            _tokenizer,
            options: new EngineOptions { MaxQueuedRequests = 2 }
        );
        engine.Submit([1], Engines.Limit(2) with { Choices = 3 });
        InferenceRequest second = engine.Submit([2], Engines.Limit(2));
        var full = Assert.Throws<QueueFullException>(() => engine.Submit([3]));
        Assert.Equal((2, 2), (full.QueuedRequests, full.MaxQueuedRequests));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            second.Read(new CancellationToken(true)).Count()
        );
        engine.Submit([3], Engines.Limit(2));
        Assert.Throws<QueueFullException>(() => engine.Submit([4]));
        engine.Step();
        engine.Submit([4], Engines.Limit(2));
        engine.Submit([5], Engines.Limit(2));
        engine.Finish();
        engine.MustBeUnused();
    }

    [Fact]
    public void Priority_orders_those_that_wait_and_waiting_counts()
    {
        var clock = new ManualClock();
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { MaxSequences = 1 }
        );
        using InferenceEngine engine = Engines.Stepped(
            model,
            _tokenizer,
            options: new EngineOptions
            {
                TimeProvider = clock,
                PriorityAgeing = TimeSpan.FromSeconds(10),
            }
        );
        var order = new List<string>();
        InferenceRequest first = Submit(0);
        engine.Step();
        InferenceRequest early = Submit(0);
        InferenceRequest high = Submit(2);
        InferenceRequest low = Submit(-1);
        clock.Advance(TimeSpan.FromSeconds(15));
        InferenceRequest late = Submit(1);
        InferenceRequest urgent = Submit(2);
        // Ranks: early 0, high −2, low 1, late 0.5, urgent −0.5.
        InferenceRequest[] expected = [first, high, urgent, early, late, low];
        var ended = new List<InferenceRequest>();
        while (engine.Step())
            ended.AddRange(
                expected.Where(r => r.FinishReasons[0] is not null && !ended.Contains(r))
            );
        Assert.Equal(expected, ended);

        InferenceRequest Submit(int priority) =>
            engine.Submit([1, 2], Engines.Limit(2) with { Priority = priority });
    }

    [Fact]
    public async Task Disposed_engine_refuses_those_that_wait()
    {
        var engine = Engines.Stepped(_model, _tokenizer);
        Task<int> running = Waiting.OnThread(() =>
            engine.Submit([1], Engines.Limit(500)).Read().Count()
        );
        Task<int> other = Waiting.OnThread(() =>
            engine.Submit([2], Engines.Limit(500)).Read().Count()
        );
        engine.Start();
        Waiting.Until(() => engine.Cache.Statistics.ReferencedPages > 0);
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => running.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => other.Soon());
        Assert.Throws<ObjectDisposedException>(() => engine.Submit([1]));
        engine.Dispose();
    }

    [Fact]
    public void Engine_is_disposed_while_readers_leave()
    {
        for (int round = 0; round < 200; round++)
        {
            InferenceEngine engine = Engines.Stepped(_model, _tokenizer, 64);
            var requests = new InferenceRequest[200];
            for (int i = 0; i < requests.Length; i++)
                requests[i] = engine.Submit([1], Engines.Limit(1));
            using var both = new Barrier(2);
            var leaving = new Thread(() =>
            {
                both.SignalAndWait(Cancellation);
                foreach (InferenceRequest request in requests.Reverse())
                    request.Abort(new OperationCanceledException());
            });
            leaving.Start();
            both.SignalAndWait(Cancellation);
            engine.Dispose();
            leaving.Join();
        }
    }

    [Fact]
    public void Engine_whose_cache_was_disposed_ends_its_requests_and_can_be_disposed()
    {
        using var engine = new InferenceEngine(_model, _tokenizer);
        engine.Cache.Dispose();
        InferenceRequest request = engine.Submit([1], Engines.Limit(5));
        var error = Assert.Throws<StepFailedException>(() => request.Tokens());
        Assert.IsType<ObjectDisposedException>(error.InnerException);
        // Its thread may have ended when the engine is disposed.
        var watch = new StepWatch(new object());
        watch.Dispose();
        watch.Stop();
    }

    [Fact]
    public void Disposed_model_fails_those_that_run()
    {
        DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using InferenceEngine engine = Engines.Stepped(model, _tokenizer);
        InferenceRequest one = engine.Submit([1], Engines.Limit(5));
        InferenceRequest two = engine.Submit([2], Engines.Limit(5));
        engine.Step();
        model.Dispose();
        engine.Finish();
        foreach (InferenceRequest request in (InferenceRequest[])[one, two])
        {
            var error = Assert.Throws<StepFailedException>(() => request.Tokens());
            Assert.IsType<ObjectDisposedException>(error.InnerException);
        }
    }

    [Fact]
    public void A_reader_that_never_comes_holds_nobody_up()
    {
        InferenceRequest unread = _engine.Submit([1, 2], Engines.Limit(400));
        InferenceRequest read = _engine.Submit([1, 2], Engines.Limit(400));
        _engine.Finish();
        _engine.MustBeUnused();
        Assert.Equal(400, read.Tokens().Count);
        Assert.Equal(400, unread.Tokens().Count);
    }

    private Task<bool> First(string prompt) => Begin(prompt).MoveNextAsync().AsTask();

    private IAsyncEnumerator<GeneratedToken> Begin(string prompt) =>
        _engine
            .GenerateAsync(prompt, Engines.Limit(50), Cancellation)
            .GetAsyncEnumerator(Cancellation);
}
