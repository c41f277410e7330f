using System.Runtime.CompilerServices;
using Hadal.Generation;

namespace Hadal.Tests.Generation;

/// <summary>Samplers of texts.</summary>
internal static class Samplers
{
    /// <summary>One that throws, as no model has so few logits.</summary>
    public static Sampler Bad { get; } = new(new SamplingOptions(), 1);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_sampler")]
    public static extern ref Sampler Of(TextGeneration text);
}
