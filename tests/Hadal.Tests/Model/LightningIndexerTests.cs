using Hadal.Model;

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
}
