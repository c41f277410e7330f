using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

[Collection(nameof(WholeProcess))]
public sealed class RequestThreadTests
{
    [Fact]
    public async Task Requests_that_wait_take_no_thread()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using InferenceEngine engine = Engines.Stepped(
            model,
            DeepSeekTokenizer.Load(Paths.EmbeddedModel),
            4096
        );
        IAsyncEnumerator<GeneratedToken>[] texts =
        [
            .. Enumerable
                .Range(0, 64)
                .Select(i => engine.Submit([i], Engines.Limit(1)).GetAsyncEnumerator()),
        ];
        Task<bool>[] moves = [];
        bool runs = false;
        // On a thread of its own, as the pool may have none left.
        var thread = new Thread(() =>
        {
            ThreadPool.GetMinThreads(out int least, out _);
            ThreadPool.GetMaxThreads(out int most, out int ports);
            Assert.True(ThreadPool.SetMaxThreads(least + 8, ports));
            moves = [.. texts.Select(text => Task.Run(() => text.MoveNextAsync().AsTask()))];
            runs = Task.Run(() => { }).Wait(TimeSpan.FromSeconds(20));
            ThreadPool.SetMaxThreads(most, ports);
            engine.Start();
        });
        thread.Start();
        thread.Join();
        Assert.All(await Task.WhenAll(moves).Soon(), Assert.True);
        Assert.True(runs);
        engine.Dispose();
    }
}
