namespace Hadal.Caching;

/// <summary>What two prefixes of the same tokens must have in common to share pages.</summary>
/// <param name="salt">Separates those who must not share, nor learn by the time that a prompt takes what others sent.</param>
/// <param name="variant">Tells apart what gives the same tokens other bits, such as the form of attention.</param>
internal readonly struct PrefixKey(string salt, ulong variant = 0) : IEquatable<PrefixKey>
{
    private readonly string? _salt = salt;

    public string Salt => _salt ?? "";

    public ulong Variant { get; } = variant;

    public bool Equals(PrefixKey other) =>
        Variant == other.Variant && string.Equals(Salt, other.Salt, StringComparison.Ordinal);

    public override bool Equals(object? obj) => obj is PrefixKey other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Salt, Variant);
}
