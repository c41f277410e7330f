namespace Hadal.Bindings.Generator.Model;

/// <summary>All that the header declares, in the header's order.</summary>
internal sealed record Api(
    string HeaderSha256,
    IReadOnlyList<Constant> Constants,
    IReadOnlyList<Enumeration> Enumerations,
    IReadOnlyList<Structure> Structures,
    IReadOnlyList<Function> Functions
);
