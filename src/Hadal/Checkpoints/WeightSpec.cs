using System.Collections.Immutable;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>One weight that a model has: what its tensor must be.</summary>
public sealed record WeightSpec
{
    private static readonly DType[] Floats = [DType.BF16, DType.F32];
    private static readonly DType[] FloatsAndFp8 = [DType.F8E4M3, .. Floats];

    internal WeightSpec(string name, bool quantizable, ImmutableArray<long> shape)
    {
        Name = name;
        Quantizable = quantizable;
        Shape = shape;
    }

    /// <summary>The tensor's name.</summary>
    public string Name { get; }

    /// <summary>Its dimensions; a linear's are [out, in].</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Whether it is a linear that may be stored as FP8 blocks, with their scales in another tensor.</summary>
    public bool Quantizable { get; }

    /// <summary>The types that it may have: the tensor's own type decides how it is used.</summary>
    public IReadOnlyList<DType> DTypes => Quantizable ? FloatsAndFp8 : Floats;

    /// <summary>The name of its scales, an F32 tensor that is there when it is FP8 and only then.</summary>
    public string ScaleName => $"{Name}_scale_inv";

    /// <summary>The shape of its scales: one for each block of 128×128, the last ones of partial blocks.</summary>
    public ImmutableArray<long> ScaleShape =>
        [.. Shape.Select(static size => (size + DeepSeekConfig.Block - 1) / DeepSeekConfig.Block)];
}
