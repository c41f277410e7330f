using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>What a module contributes to a <see cref="FusedProjection"/>: one linear and where its output goes.</summary>
/// <param name="Weight">[out, in].</param>
/// <param name="Output">[tokens, out] of a step's workspace.</param>
/// <param name="IsWanted">Whether a step reads the output; null for all steps.</param>
internal sealed record ProjectionPart(
    Weight Weight,
    Func<Workspace, DeviceTensor> Output,
    Predicate<Step>? IsWanted = null
);
