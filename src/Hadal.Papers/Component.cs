namespace Hadal.Papers;

/// <summary>Software of others that a package carries.</summary>
/// <param name="License">An SPDX expression.</param>
/// <param name="Notice">The texts that must go with it.</param>
internal sealed record Component(
    string Name,
    string? Version,
    string License,
    string Url,
    string Purl,
    string Notice
)
{
    /// <summary>The binaries of the package that hold it, by their paths there.</summary>
    public SortedSet<string> Binaries { get; } = new(StringComparer.Ordinal);
}
