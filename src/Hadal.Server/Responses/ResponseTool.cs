namespace Hadal.Server.Responses;

/// <summary>A tool, as the client knows it.</summary>
/// <param name="Name">What the client calls it.</param>
/// <param name="Namespace">The namespace that the client put it in; null for none.</param>
/// <param name="IsCustom">Whether its input is a text rather than the arguments of a function.</param>
internal sealed record ResponseTool(string Name, string? Namespace, bool IsCustom)
{
    private const string Joint = "__";

    /// <summary>The name by which the model knows it: that of its namespace is in front.</summary>
    public string ToldName =>
        Namespace is null ? Name
        : Namespace.EndsWith(Joint, StringComparison.Ordinal) ? Namespace + Name
        : $"{Namespace}{Joint}{Name}";
}
