namespace Hadal.Bindings.Generator.Model;

/// <summary>A parameter of a <see cref="Function"/>, with its C# type.</summary>
internal sealed record Parameter(string Name, string Type);
