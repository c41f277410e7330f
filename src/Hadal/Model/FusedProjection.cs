using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>Linears of one input as one call: each output's bits are those of a call of its own.</summary>
internal sealed class FusedProjection
{
    private readonly ProjectionPart[] _parts;

    /// <param name="parts">The linears, of the modules that use their outputs; null where a model has no such module.</param>
    public FusedProjection(params IEnumerable<ProjectionPart?> parts) =>
        _parts = [.. parts.OfType<ProjectionPart>()];

    /// <summary>Writes the outputs that the step wants, of which there must be one.</summary>
    /// <param name="step">The step.</param>
    /// <param name="x">[tokens, in], quantised.</param>
    public void Forward(Step step, QuantizedTensor x)
    {
        Span<(Fp8Weight Weight, DeviceTensor Output)> products =
            stackalloc (Fp8Weight, DeviceTensor)[_parts.Length];
        int count = 0;
        foreach (ProjectionPart part in _parts)
        {
            if (part.IsWanted is null || part.IsWanted(step))
                products[count++] = (part.Weight, part.Output(step.Workspace));
        }
        if (count == 1)
            step.Kernels.Fp8Gemm(x, products[0].Weight, products[0].Output);
        else
            step.Kernels.Fp8GemmMulti(x, products[..count]);
    }
}
