using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Cuda;

/// <summary>
/// The engine on a CUDA device, where the bits of a row may depend on its step: the same schedule gives the same tokens all the
/// same, and no page is lost.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class CudaEngineTests
{
    [Fact]
    public void TheSameScheduleGivesTheSameTokens()
    {
        using Device device = CudaDevice.OpenOrSkip();
        using DeepSeekModel model = DeepSeekModel.Load(
            TestModels.Folder("random-a"),
            device,
            new ModelOptions
            {
                MaxStepTokens = 64,
                MaxSequences = 3,
                MaxLogitRows = 3,
                MaxContextTokens = 128,
            },
            cancellationToken: TestContext.Current.CancellationToken
        );
        int[][] first = Run(model);
        Assert.Equal([4, 3, 2], first.Select(ids => ids.Length));
        Assert.Equal(first, Run(model));
    }

    // A prompt, one that begins like it a step later, and one that is cancelled.
    private static int[][] Run(DeepSeekModel model)
    {
        using InferenceEngine engine = Engines.Stepped(model, TestTokenizers.Bytes, 256);
        int[] prompt = [.. Enumerable.Range(0, 70).Select(i => i * 7 % 300)];
        InferenceRequest one = engine.Submit(prompt, Options(4));
        Step();
        InferenceRequest two = engine.Submit([.. prompt[..66], 5, 6], Options(3));
        InferenceRequest three = engine.Submit([9, 8, 7], Options(50));
        while (three.Usage.GeneratedTokens < 2)
            Step();
        three.Cancel();
        while (engine.Step())
            Check();
        return
        [
            one.Tokens().Ids(),
            two.Tokens().Ids(),
            [.. three.Tokens().Ids().Where(id => id >= 0)],
        ];

        void Step()
        {
            engine.Step();
            Check();
        }

        void Check()
        {
            CacheStatistics pages = engine.Cache.Statistics;
            Assert.Equal(
                engine.Cache.PageCount,
                pages.FreePages + pages.CachedPages + pages.ReferencedPages
            );
        }
    }

    private static GenerationOptions Options(int tokens) =>
        Engines.Limit(tokens) with
        {
            Sampling = new SamplingOptions { Temperature = 0.9f, Seed = 3 },
        };
}
