using Hadal.Caching;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Generation;

/// <summary>What waits for a step of others, and how.</summary>
public sealed class WaitingTextTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly TokenGenerator _generator;

    public WaitingTextTests() => _generator = new TokenGenerator(_model, _tokenizer, 1024);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _generator.Dispose();
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
                Task<bool> first = _generator
                    .GenerateAsync(prompt, Limit(1), Cancellation)
                    .GetAsyncEnumerator(Cancellation)
                    .MoveNextAsync()
                    .AsTask();
                return (first, GC.GetAllocatedBytesForCurrentThread() - before);
            })
            .Soon();
        Assert.InRange(bytes, 0, prompt.Length / 10);
        await Assert.ThrowsAsync<ContextLengthException>(() => first.Soon());
        Assert.Throws<ArgumentNullException>(() => _generator.GenerateAsync((string)null!));
    }

    [Fact]
    public async Task Only_a_step_waits_for_a_step()
    {
        await using var left = _generator
            .GenerateAsync("O", Limit(5), Cancellation)
            .GetAsyncEnumerator(Cancellation);
        Assert.True(await left.MoveNextAsync());
        Assert.Equal(_generator.Cache.PageCount - 1, _generator.Cache.FreePages);
        Task<bool> step;
        using (new HeldGenerator(_generator))
        {
            step = await Waiting
                .OnThread(() =>
                {
                    using TextGeneration text = _generator.Start([1, 2, 3]);
                    using TextGeneration after = _generator.Start([1, 2], null, text);
                    using PagedCache cache = _model.CreateCache(64);
                    Task<bool> step = _generator
                        .GenerateAsync("O", Limit(5), Cancellation)
                        .GetAsyncEnumerator(Cancellation)
                        .MoveNextAsync()
                        .AsTask();
                    left.DisposeAsync().AsTask().Wait(Cancellation);
                    return step;
                })
                .Soon();
            Assert.Equal(_generator.Cache.PageCount, _generator.Cache.FreePages);
            Assert.False(step.IsCompleted);
        }
        Assert.True(await step.Soon());
    }

    [Fact]
    public async Task Cancelled_text_leaves_while_another_step_is_under_way()
    {
        using var source = new CancellationTokenSource();
        using TextGeneration one = _generator.Start([1, 2, 3], Limit(5));
        using TextGeneration two = _generator.Start([1, 2, 3], Limit(5));
        using (new HeldGenerator(_generator))
        {
            Task waiting = one.MoveNextAsync(source.Token).AsTask();
            Task blocked = Waiting.OnThread(() => two.MoveNext(source.Token));
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => blocked.Soon());
        }
        Assert.True(one.MoveNext(Cancellation));
        Assert.True(two.MoveNext(Cancellation));
        Assert.Equal(one.Token, two.Token);
    }

    [Fact]
    public async Task Steps_of_others_come_between_the_chunks_of_a_prompt()
    {
        using TextGeneration prompt = _generator.Start(
            new int[40],
            Limit(1) with
            {
                PrefillChunk = 1,
            }
        );
        using TextGeneration text = _generator.Start([1], Limit(1));
        var other = new Thread(() => text.MoveNext(Cancellation));
        var isOther = new List<bool>();
        _generator.Batch.Trace = new ModelTrace
        {
            OnLayer = layer =>
            {
                if (layer > 0)
                    return;
                isOther.Add(Thread.CurrentThread == other);
                if (isOther.Count > 1)
                    return;
                other.Start();
                Waiting.UntilBlocked(other);
            },
        };
        Assert.True(await Waiting.OnThread(() => prompt.MoveNext(Cancellation)).Soon());
        other.Join();
        Assert.Equal(41, isOther.Count);
        Assert.InRange(isOther.IndexOf(true), 1, 20);
    }

    [Fact]
    public async Task Disposed_generator_refuses_those_that_wait()
    {
        using var generator = new TokenGenerator(_model, _tokenizer, 64);
        using TextGeneration text = generator.Start([1]);
        Task<bool> waiting;
        Task<bool> disposed;
        using (new HeldGenerator(generator))
        {
            waiting = text.MoveNextAsync(Cancellation).AsTask();
            disposed = Waiting.OnThread(() =>
            {
                generator.Dispose();
                return true;
            });
        }
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Soon());
        await disposed.Soon();
        Assert.Throws<ObjectDisposedException>(() => generator.Start([1]));
    }

    [Fact]
    public async Task Disposed_model_refuses_those_that_wait()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using var generator = new TokenGenerator(model, _tokenizer, 64);
        using TextGeneration text = generator.Start([1]);
        Task<bool> waiting;
        using (new HeldGenerator(generator))
        {
            waiting = text.MoveNextAsync(Cancellation).AsTask();
            model.Dispose();
        }
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Soon());
    }

    private static GenerationOptions Limit(int tokens) =>
        new()
        {
            StopAtEos = false,
            Stop = new StopConditions { MaxTokens = tokens },
        };
}
