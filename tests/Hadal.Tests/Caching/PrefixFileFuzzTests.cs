using Hadal.Caching;
using Hadal.Tests.Checkpoints;
using static Hadal.Tests.Caching.FakeCaches;

namespace Hadal.Tests.Caching;

/// <summary>Files of a prefix that are damaged or hostile harm nothing.</summary>
public sealed class PrefixFileFuzzTests : IDisposable
{
    private static readonly PrefixKey Key = new("");
    private static readonly CacheIdentity Identity = new([("device", "Cpu none"), ("layers", "2")]);

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public PrefixFileFuzzTests()
    {
        _path = _folder.File("prefix");
        using PagedCache cache = Create(3, identity: Identity);
        Publish(cache, Count(0, 128)).Dispose();
        cache.SavePrefix(_path, Count(0, 128), Key);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Lengths of 0 and around each part of the file, and bits anywhere: nothing of it comes into the cache.</summary>
    [Fact]
    public void Cut_or_changed_file_is_refused()
    {
        byte[] whole = File.ReadAllBytes(_path);
        using PagedCache cache = Create(3, identity: Identity);
        Assert.Equal(128, cache.LoadPrefix(_path, Key).Tokens);
        using PagedCache empty = Create(3, identity: Identity);
        var random = new Random(1);
        for (int i = 0; i < 200; i++)
        {
            int length = i < 30 ? i * 8 : random.Next(whole.Length);
            File.WriteAllBytes(_path, whole.AsSpan(0, length));
            Refuse(length, -1);
        }
        File.WriteAllBytes(_path, [.. whole, 0]);
        Refuse(whole.Length + 1, -1);

        // Each byte up to the first page, but for the padding, and any of the pages.
        int used = whole.AsSpan(0, 4096).LastIndexOfAnyExcept((byte)0) + 1;
        File.WriteAllBytes(_path, whole);
        for (int i = 0; i < 2000; i++)
        {
            int at = i < used ? i : 4096 + random.Next(whole.Length - 4096);
            Put(at, [(byte)(whole[at] ^ (1 << random.Next(8)))]);
            Refuse(whole.Length, at);
            Put(at, [whole[at]]);
        }
        Assert.Equal(128, empty.LoadPrefix(_path, Key).Tokens);

        void Refuse(int length, int changed)
        {
            try
            {
                empty.LoadPrefix(_path, Key);
            }
            catch (CacheFileException)
            {
                Assert.Equal((3, 0, 0), Pages(empty));
                return;
            }
            Assert.Fail($"{length} bytes, of which {changed} was changed, were loaded");
        }
    }

    /// <summary>What says of itself that it is whole is refused too, or loaded as what it says.</summary>
    [Fact]
    public void Header_with_any_content_harms_nothing()
    {
        byte[] whole = File.ReadAllBytes(_path);
        int used = whole.AsSpan(0, 4096).LastIndexOfAnyExcept((byte)0) + 1;
        using PagedCache cache = Create(8, identity: Identity);
        var random = new Random(1);
        byte[] wild = [0, 1, 63, 64, 127, 128, 255];
        int refused = 0;
        for (int i = 0; i < 1000; i++)
        {
            byte[] file = whole[..used];
            for (int change = random.Next(1, 4); change > 0; change--)
                file[random.Next(8, used - 8)] = wild[random.Next(wild.Length)];
            BitConverter.TryWriteBytes(
                file.AsSpan(used - 8),
                PrefixFileHeader.Checksum(file.AsSpan(0, used - 8))
            );
            Put(0, file);
            try
            {
                cache.LoadPrefix(_path, Key);
            }
            catch (CacheFileException)
            {
                refused++;
            }
            Assert.Equal(8, cache.AvailablePages);
        }
        Assert.InRange(refused, 200, 1000);
    }

    private void Put(int at, byte[] bytes)
    {
        using FileStream file = File.Open(_path, FileMode.Open);
        file.Position = at;
        file.Write(bytes);
    }
}
