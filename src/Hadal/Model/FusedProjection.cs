using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>Linears of one input, those in FP8 as one call: each output's bits are those of a call of its own.</summary>
internal sealed class FusedProjection
{
    private readonly ProjectionPart[] _parts;

    /// <param name="parts">The linears, of the modules that use their outputs; null where a model has no such module.</param>
    public FusedProjection(params IEnumerable<ProjectionPart?> parts)
    {
        _parts = [.. parts.OfType<ProjectionPart>()];
        foreach (ProjectionPart part in _parts)
            Input |= part.Weight.Input;
    }

    /// <summary>The forms in which the linears take their input.</summary>
    public InputForms Input { get; }

    /// <summary>Writes the outputs that the step wants.</summary>
    /// <param name="step">The step.</param>
    /// <param name="x">[tokens, in].</param>
    public void Forward(Step step, LinearInput x)
    {
        Span<(Weight Weight, DeviceTensor Output)> products =
            stackalloc (Weight, DeviceTensor)[_parts.Length];
        int count = 0;
        foreach (ProjectionPart part in _parts)
        {
            if (part.IsWanted is not null && !part.IsWanted(step))
                continue;
            DeviceTensor output = part.Output(step.Workspace);
            if (part.Weight.IsFp8)
                products[count++] = (part.Weight, output);
            else
                step.Kernels.Linear(x, part.Weight, output);
        }
        if (count == 1)
            step.Kernels.Linear(x, products[0].Weight, products[0].Output);
        else if (count > 1)
            step.Kernels.Fp8GemmMulti(x.Codes, products[..count]);
    }
}
