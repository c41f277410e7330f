using Hadal.Generation;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Generation;

[Collection(nameof(WholeProcess))]
public sealed class ThreadPoolTests
{
    [Fact]
    public async Task Texts_that_wait_take_no_thread()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using var generator = new TokenGenerator(
            model,
            DeepSeekTokenizer.Load(Paths.EmbeddedModel),
            4096
        );
        TextGeneration[] texts = [.. Enumerable.Range(0, 64).Select(i => generator.Start([i]))];
        Task<bool>[] moves = [];
        bool runs = false;
        // On a thread of its own, as the pool may have none left.
        var thread = new Thread(() =>
        {
            ThreadPool.GetMinThreads(out int least, out _);
            ThreadPool.GetMaxThreads(out int most, out int ports);
            using (new HeldGenerator(generator))
            {
                Assert.True(ThreadPool.SetMaxThreads(least + 8, ports));
                moves = [.. texts.Select(text => text.MoveNextAsync().AsTask())];
                runs = Task.Run(() => { }).Wait(TimeSpan.FromSeconds(20));
                ThreadPool.SetMaxThreads(most, ports);
            }
        });
        thread.Start();
        thread.Join();
        Assert.All(await Task.WhenAll(moves).Soon(), Assert.True);
        Assert.True(runs);
        foreach (TextGeneration text in texts)
            text.Dispose();
        Assert.Equal(generator.Cache.PageCount, generator.Cache.FreePages);
    }
}
