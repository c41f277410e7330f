using Hadal.Caching;

namespace Hadal.Tests.Model;

/// <summary>Pages of a cache on the CPU.</summary>
internal static unsafe class CachePages
{
    /// <summary>Makes NaN of a sequence's first page in the first layer.</summary>
    /// <returns>Puts back what was there.</returns>
    public static Action Break(CachedSequence sequence)
    {
        int page = sequence.Pages[0];
        byte[] saved = Bytes().ToArray();
        Bytes().Fill(0xff);
        return () => saved.CopyTo(Bytes());

        Span<byte> Bytes()
        {
            int length = sequence.Cache.Layout.MlaPageBytes;
            byte* pages = (byte*)sequence.Cache.Layers[0].Mla.Data;
            return new Span<byte>(pages + (long)page * length, length);
        }
    }
}
