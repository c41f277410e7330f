namespace Hadal.Bindings.Generator.Model;

/// <summary>An exported function, which returns an <c>int</c> status.</summary>
internal sealed record Function(
    string Name,
    IReadOnlyList<Parameter> Parameters,
    Documentation Documentation
);
