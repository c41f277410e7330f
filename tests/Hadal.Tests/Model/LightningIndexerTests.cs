using Hadal.Caching;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Tests.Model;

public sealed class LightningIndexerTests
{
    // Constant factors of all scores choose the same tokens, so no golden of a model tells them.
    [Fact]
    public void Scores_are_scaled_by_heads_and_width()
    {
        Assert.Equal(0.125f, LightningIndexer.HeadScale(64));
        Assert.Equal(0.088388348f, LightningIndexer.SoftmaxScale);
    }

    [Fact]
    public void Key_norm_has_an_epsilon_of_its_own() =>
        Assert.Equal(1e-6f, LightningIndexer.KeyNormEpsilon);

    // The embedded model chooses 64.
    [Fact]
    public void Steps_score_from_the_first_token_that_sees_more_than_are_chosen()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using PagedCache cache = model.CreateCache(128);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        var tokens = new int[64];

        Assert.False(Scores(tokens));
        Assert.True(Scores([0]));

        bool Scores(int[] next)
        {
            batch.Clock = new OpClock();
            GoldenRun.Feed(model, batch, sequence, next);
            return batch.Clock.Times.Any(time => time.Op == "indexer_weights");
        }
    }
}
