namespace Hadal.Bindings.Generator.Model;

/// <summary>An enumeration over 32-bit integers.</summary>
internal sealed record Enumeration(
    string Name,
    IReadOnlyList<Constant> Members,
    Documentation Documentation
);
