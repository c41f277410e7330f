namespace Hadal.Bindings.Generator.Model;

/// <summary>
/// A field of the C# type <paramref name="Type"/>; <paramref name="Count"/> is the number of elements of a fixed-size
/// array, or 0 for a single value.
/// </summary>
internal sealed record Field(string Name, string Type, long Count, Documentation Documentation);
