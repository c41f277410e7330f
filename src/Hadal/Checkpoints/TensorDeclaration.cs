using System.Collections.Immutable;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>A tensor that a <see cref="SafetensorsWriter"/> is going to write.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">The type of its elements.</param>
/// <param name="Shape">Its dimensions, outermost first; none for a scalar.</param>
public sealed record TensorDeclaration(string Name, DType DType, params ImmutableArray<long> Shape);
