namespace Hadal.Bindings.Generator.Model;

/// <summary>An integer macro, or a member of an <see cref="Enumeration"/>.</summary>
internal sealed record Constant(string Name, int Value, Documentation Documentation);
