using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>The forms of input that a model's linears take: scratch is allocated for them alone.</summary>
/// <param name="Linears">Of all linears but routed experts.</param>
/// <param name="Experts">Of the routed experts.</param>
internal readonly record struct ScratchForms(InputForms Linears, InputForms Experts);
