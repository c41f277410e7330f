namespace Hadal.Bindings.Generator.Model;

/// <summary>A blittable struct; one without fields is an opaque handle.</summary>
internal sealed record Structure(
    string Name,
    IReadOnlyList<Field> Fields,
    Documentation Documentation
);
