using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Hadal.Caching;

/// <summary>
/// What a file of a cached prefix begins with, little-endian: magic [8], version u32, bytes of the identity u32, tokens u32,
/// bytes of a page u32; the identity; the tokens, i32 each; the checksum of each page, u64; the checksum of all that, u64. The
/// pages follow from the next multiple of 4096 on, each with its layers one after another.
/// </summary>
internal sealed class PrefixFileHeader
{
    public const int FixedBytes = 24;

    private const uint Version = 1;
    private const int MostIdentityBytes = 1 << 16;
    private const int MostTokens = 1 << 26;
    private const int Alignment = 4096;

    private PrefixFileHeader(byte[] identity, int[] tokens, ulong[] checksums, long pageBytes)
    {
        Identity = identity;
        Tokens = tokens;
        Checksums = checksums;
        PageBytes = pageBytes;
    }

    public PrefixFileHeader(CacheIdentity identity, int[] tokens, long pageBytes)
        : this(
            identity.ToBytes(),
            tokens,
            new ulong[tokens.Length / PagedCache.PageTokens],
            pageBytes
        ) { }

    public static ReadOnlySpan<byte> Magic => "HadalKV\n"u8;

    public byte[] Identity { get; }

    public int[] Tokens { get; }

    /// <summary>Of each page.</summary>
    public ulong[] Checksums { get; }

    public long PageBytes { get; }

    /// <summary>Where the first page begins.</summary>
    public long DataStart => StartOf(Identity.Length, Tokens.Length);

    public static ulong Checksum(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);

    public byte[] ToBytes()
    {
        var bytes = new byte[DataStart];
        Magic.CopyTo(bytes);
        Span<byte> at = bytes.AsSpan(Magic.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(at, Version);
        BinaryPrimitives.WriteInt32LittleEndian(at[4..], Identity.Length);
        BinaryPrimitives.WriteInt32LittleEndian(at[8..], Tokens.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(at[12..], checked((uint)PageBytes));
        at = bytes.AsSpan(FixedBytes);
        Identity.CopyTo(at);
        at = at[Identity.Length..];
        MemoryMarshal.AsBytes(Tokens.AsSpan()).CopyTo(at);
        at = at[(Tokens.Length * sizeof(int))..];
        MemoryMarshal.AsBytes(Checksums.AsSpan()).CopyTo(at);
        at = at[(Checksums.Length * sizeof(ulong))..];
        BinaryPrimitives.WriteUInt64LittleEndian(
            at,
            Checksum(bytes.AsSpan(0, bytes.Length - at.Length))
        );
        return bytes;
    }

    /// <summary>Reads and checks the header of a whole file; whether it suits a cache is to be seen yet.</summary>
    /// <exception cref="CacheFileException">It is no such file, cut short, or broken.</exception>
    public static unsafe PrefixFileHeader Read(string path, byte* file, long length)
    {
        var start = new ReadOnlySpan<byte>(file, (int)Math.Min(length, FixedBytes));
        if (start.Length < FixedBytes || !start.StartsWith(Magic))
            throw new CacheFileException($"{path}: is no file of a cached prefix");
        ReadOnlySpan<byte> at = start[Magic.Length..];
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(at);
        if (version != Version)
            throw new CacheFileException(
                $"{path}: the format's version is {version}, must be {Version}; make the file again"
            );
        uint identity = BinaryPrimitives.ReadUInt32LittleEndian(at[4..]);
        uint tokens = BinaryPrimitives.ReadUInt32LittleEndian(at[8..]);
        uint pageBytes = BinaryPrimitives.ReadUInt32LittleEndian(at[12..]);
        if (identity > MostIdentityBytes || tokens > MostTokens)
            throw Broken(path);
        uint pages = tokens / PagedCache.PageTokens;
        if (pages == 0 || tokens % PagedCache.PageTokens != 0)
            throw Broken(path);
        long dataStart = StartOf((int)identity, (int)tokens);
        long expected = dataStart + (long)pages * pageBytes;
        if (length != expected)
            throw new CacheFileException(
                $"{path}: has {length} bytes, must have {expected}; it was cut or grew, so make it again"
            );

        byte* identityAt = file + FixedBytes;
        byte* tokensAt = identityAt + identity;
        byte* checksumsAt = tokensAt + (long)tokens * sizeof(int);
        byte* checksumAt = checksumsAt + (long)pages * sizeof(ulong);
        var header = new ReadOnlySpan<byte>(file, checked((int)(checksumAt - file)));
        if (Checksum(header) != BinaryPrimitives.ReadUInt64LittleEndian(new(checksumAt, 8)))
            throw Broken(path);
        var read = new PrefixFileHeader(
            new ReadOnlySpan<byte>(identityAt, (int)identity).ToArray(),
            new int[tokens],
            new ulong[pages],
            pageBytes
        );
        new ReadOnlySpan<byte>(tokensAt, (int)tokens * sizeof(int)).CopyTo(
            MemoryMarshal.AsBytes(read.Tokens.AsSpan())
        );
        new ReadOnlySpan<byte>(checksumsAt, (int)pages * sizeof(ulong)).CopyTo(
            MemoryMarshal.AsBytes(read.Checksums.AsSpan())
        );
        return read;
    }

    private static CacheFileException Broken(string path) =>
        new($"{path}: the header is broken: its checksum is wrong; make the file again");

    private static long StartOf(int identityBytes, int tokens)
    {
        long pages = tokens / PagedCache.PageTokens;
        long end =
            FixedBytes + identityBytes + (long)tokens * sizeof(int) + (pages + 1) * sizeof(ulong);
        return (end + Alignment - 1) / Alignment * Alignment;
    }
}
