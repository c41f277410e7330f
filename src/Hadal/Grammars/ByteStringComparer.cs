using System.Diagnostics.CodeAnalysis;

namespace Hadal.Grammars;

/// <summary>Compares byte strings by their content.</summary>
internal sealed class ByteStringComparer : IEqualityComparer<byte[]>
{
    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] byte[] obj)
    {
        var hash = new HashCode();
        hash.AddBytes(obj);
        return hash.ToHashCode();
    }
}
