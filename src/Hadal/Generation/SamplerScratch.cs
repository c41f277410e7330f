namespace Hadal.Generation;

/// <summary>What <see cref="Sampler"/>s of one thread work with while they draw, made when it is first wanted.</summary>
/// <param name="vocabularySize">The number of logits.</param>
internal sealed class SamplerScratch(int vocabularySize)
{
    /// <summary>f32 [vocabulary]: the logits with bias and penalties.</summary>
    public float[] Adjusted => field ??= new float[vocabularySize];

    /// <summary>[vocabulary]: <see cref="LogitKey"/>s of the tokens that are left.</summary>
    public ulong[] Keys => field ??= new ulong[vocabularySize];

    /// <summary>f64 [vocabulary]: their weights.</summary>
    public double[] Weights => field ??= new double[vocabularySize];
}
