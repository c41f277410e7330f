using System.Runtime.InteropServices;
using Hadal.Model;

namespace Hadal.Tests.Model;

public sealed class WeightLoaderTests
{
    // Rounding scales to bf16 looks like bf16 noise, so no golden of a model tells.
    [Theory]
    [InlineData(new[] { 1f, 0.5f, 0.0078125f, 256f }, true)]
    [InlineData(new[] { 1f, 1.5f }, false)]
    [InlineData(new[] { 0f }, false)]
    [InlineData(new[] { -2f }, false)]
    [InlineData(new[] { float.PositiveInfinity }, false)]
    [InlineData(new[] { float.NaN }, false)]
    public void Only_powers_of_two_are_called_so(float[] scales, bool expected) =>
        Assert.Equal(expected, WeightLoader.ArePowersOfTwo(MemoryMarshal.Cast<float, int>(scales)));
}
