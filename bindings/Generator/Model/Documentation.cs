namespace Hadal.Bindings.Generator.Model;

/// <summary>A header comment by section, as plain text: a section's lines are joined, and an absent one is empty.</summary>
internal sealed record Documentation(
    string Summary,
    string Remarks,
    IReadOnlyList<(string Name, string Text)> Parameters,
    string Returns
)
{
    public static Documentation None { get; } = new("", "", [], "");
}
