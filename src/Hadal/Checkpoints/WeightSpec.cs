using System.Collections.Immutable;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>One weight that a model has: what its tensor must be.</summary>
public sealed record WeightSpec
{
    /// <summary>What the name of a weight's scales has more than the weight's own.</summary>
    internal const string ScaleSuffix = "_scale_inv";

    internal static readonly DType[] Floats = [DType.BF16, DType.F32];
    internal static readonly DType[] FloatsOrFp8 = [DType.F8E4M3, DType.BF16, DType.F32];

    internal WeightSpec(string name, IReadOnlyList<DType> dtypes, ImmutableArray<long> shape)
    {
        Name = name;
        DTypes = dtypes;
        Shape = shape;
    }

    /// <summary>The tensor's name.</summary>
    public string Name { get; }

    /// <summary>Its dimensions; a linear's are [out, in].</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Whether it may be absent: the model's own then takes its place.</summary>
    public bool IsOptional { get; internal init; }

    /// <summary>Whether it is a linear that may be stored as FP8 blocks, with their scales in another tensor.</summary>
    public bool Quantizable => DTypes[0] == DType.F8E4M3;

    /// <summary>The types that it may have: the tensor's own type decides how it is used.</summary>
    public IReadOnlyList<DType> DTypes { get; }

    /// <summary>The name of its scales, an F32 tensor that is there when it is FP8 and only then.</summary>
    public string ScaleName => $"{Name}{ScaleSuffix}";

    /// <summary>The shape of its scales: one for each block of 128×128, the last ones of partial blocks.</summary>
    public ImmutableArray<long> ScaleShape =>
        [.. Shape.Select(static size => (size + DeepSeekConfig.Block - 1) / DeepSeekConfig.Block)];

    /// <summary>The weight that scales of this name belong to; any other name as it is.</summary>
    internal static string WithoutScaleSuffix(string name) =>
        name.EndsWith(ScaleSuffix, StringComparison.Ordinal) ? name[..^ScaleSuffix.Length] : name;

    /// <summary>The same weight under a longer name.</summary>
    internal WeightSpec Under(string prefix) =>
        new(prefix + Name, DTypes, Shape) { IsOptional = IsOptional };
}
