namespace Hadal.Caching;

/// <summary>Hashes bytes under a seed. Only speed depends on how well: what is found by it is compared.</summary>
internal delegate ulong PageHash(ulong seed, ReadOnlySpan<byte> bytes);
