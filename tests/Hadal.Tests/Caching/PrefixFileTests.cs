using System.Runtime.Versioning;
using Hadal.Caching;
using Hadal.Tests.Checkpoints;
using static Hadal.Tests.Caching.FakeCaches;

namespace Hadal.Tests.Caching;

/// <summary>A prefix saved by one cache is loaded by another that is like it, and a file of anything else by none.</summary>
public sealed class PrefixFileTests : IDisposable
{
    private static readonly PrefixKey Key = new("");
    private static readonly (string Name, string Value)[] Fields =
    [
        ("checkpoint", "c0ffee"),
        ("device", "Cpu none"),
        ("layers", "2"),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public PrefixFileTests() => _path = _folder.File("prefix");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Saved_pages_are_loaded()
    {
        int[] tokens = Count(0, 300);
        Assert.Equal(256, Save(tokens));
        using PagedCache cache = Create(8);
        Assert.Equal(new LoadedPrefix(256, 256), cache.LoadPrefix(_path, Key));
        Assert.Equal((4, 4, 0), Pages(cache));
        Assert.Equal((0, 0), (cache.Statistics.Hits, cache.Statistics.TokensSaved));
        using var sequence = new FakeSequence(cache, Key);
        Assert.Equal(256, sequence.Attach(tokens));
        sequence.Check();
        // Again nothing changes.
        Assert.Equal(256, cache.LoadPrefix(_path, Key).Tokens);
        Assert.Equal((4, 0, 4), Pages(cache));
    }

    [Fact]
    public void Prefix_is_loaded_for_the_salt_that_is_asked_for()
    {
        Save(Count(0, 128));
        using PagedCache cache = Create(8);
        cache.LoadPrefix(_path, new PrefixKey("tenant"));
        using CachedSequence sequence = cache.CreateSequence();
        Assert.Equal(0, cache.Prefixes.Attach(sequence, Count(0, 129), Key));
        Assert.Equal(128, cache.Prefixes.Attach(sequence, Count(0, 129), new PrefixKey("tenant")));
    }

    [Fact]
    public void What_is_not_cached_is_not_saved()
    {
        using PagedCache cache = Create(8);
        Assert.Equal(0, cache.SavePrefix(_path, Count(0, 300), Key));
        Assert.Equal(0, cache.SavePrefix(_path, [], Key));
        Publish(cache, Count(0, 128)).Dispose();
        Assert.Equal(0, cache.SavePrefix(_path, Count(0, 300), new PrefixKey("tenant")));
        Assert.Empty(Directory.GetFiles(_folder.Path));
        Assert.Equal(128, cache.SavePrefix(_path, Count(0, 300), Key));
        Assert.Equal((6, 2, 0), Pages(cache));
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(3, 192)]
    [InlineData(5, 256)]
    public void As_much_is_loaded_as_there_is_room_for(int pages, int expected)
    {
        Save(Count(0, 256));
        using PagedCache cache = Create(pages);
        Assert.Equal(new LoadedPrefix(expected, 256), cache.LoadPrefix(_path, Key));
        using var sequence = new FakeSequence(cache, Key);
        Assert.Equal(expected, sequence.Attach(Count(0, 257)));
        sequence.Check();
    }

    [Fact]
    public void Sequences_keep_their_pages_and_cached_prefixes_make_room()
    {
        Save(Count(0, 256));
        using PagedCache cache = Create(5);
        using FakeSequence held = Publish(cache, Count(1000, 128));
        Publish(cache, Count(2000, 128)).Dispose();
        Assert.Equal(192, cache.LoadPrefix(_path, Key).Tokens);
        held.Check();
        Assert.Equal((0, 3, 2), Pages(cache));

        using PagedCache full = Create(2);
        using FakeSequence all = Publish(full, Count(1000, 128));
        Assert.Equal(new LoadedPrefix(0, 256), full.LoadPrefix(_path, Key));
        all.Check();
    }

    [Fact]
    public void Pages_that_are_cached_already_are_kept()
    {
        Save(Count(0, 256));
        using PagedCache cache = Create(4);
        using FakeSequence held = Publish(cache, Count(0, 128));
        Assert.Equal(256, cache.LoadPrefix(_path, Key).Tokens);
        Assert.Equal((0, 2, 2), Pages(cache));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void File_is_its_owners_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Its files have no modes.");
        Save(Count(0, 128));
        File.SetUnixFileMode(_path, (UnixFileMode)0x1b4); // 0664
        Save(Count(0, 192));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
        Assert.Equal(_path, Assert.Single(Directory.GetFiles(_folder.Path)));
        string link = _folder.File("link");
        File.CreateSymbolicLink(link, _path);
        Save(Count(0, 256), link);
        Assert.NotNull(new FileInfo(link).LinkTarget);
        using PagedCache cache = Create(8);
        Assert.Equal(256, cache.LoadPrefix(_path, Key).Tokens);
    }

    [Fact]
    public void Other_files_are_not_replaced()
    {
        File.WriteAllText(_path, "weights");
        RefuseToSave(_path, "is there already");
        Assert.Equal("weights", File.ReadAllText(_path));
        RefuseToSave(_folder.Path, "is a folder");
        RefuseToSave(_folder.File("no/prefix"), "can't be written");
        if (!OperatingSystem.IsWindows())
            RefuseToSave("/dev/null", "is there already");
        Assert.Equal(_path, Assert.Single(Directory.GetFiles(_folder.Path)));

        void RefuseToSave(string path, string what)
        {
            var error = Assert.Throws<CacheFileException>(() => Save(Count(0, 128), path));
            Assert.StartsWith($"{path}: {what}", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void File_made_otherwise_is_refused_by_name()
    {
        Save(Count(0, 128));
        for (int i = 0; i < Fields.Length; i++)
        {
            var other = Fields.ToArray();
            other[i].Value = "x";
            (string name, string value) = Fields[i];
            Assert.EndsWith(
                $"with other options: {name} is {value}, must be x",
                Refuse(new CacheIdentity(other)),
                StringComparison.Ordinal
            );
        }
        Assert.EndsWith(
            "new is nothing, must be 1",
            Refuse(new CacheIdentity([.. Fields, ("new", "1")])),
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            "it has fields that are not known here",
            Refuse(new CacheIdentity(Fields[1..])),
            StringComparison.Ordinal
        );
        Assert.EndsWith(
            "variant is 0, must be 7",
            Refuse(new CacheIdentity(Fields), new PrefixKey("", 7)),
            StringComparison.Ordinal
        );

        string Refuse(CacheIdentity identity, PrefixKey key = default)
        {
            using PagedCache cache = FakeCaches.Create(8, identity: identity);
            var error = Assert.Throws<CacheFileException>(() => cache.LoadPrefix(_path, key));
            Assert.Equal((8, 0, 0), Pages(cache));
            return error.Message;
        }
    }

    [Fact]
    public void What_is_no_such_file_is_refused()
    {
        RefuseToLoad(_folder.File("none"), "can't be read");
        RefuseToLoad(_folder.Path, "can't be read: is a folder");
        if (!OperatingSystem.IsWindows())
            RefuseToLoad("/dev/zero", "is empty, or is a pipe, a socket or a device");
        File.WriteAllText(_path, "");
        RefuseToLoad(_path, "is empty");
        File.WriteAllText(_path, "HadalKV\n");
        RefuseToLoad(_path, "is no file of a cached prefix");
        File.WriteAllText(_path, new string('x', 10000));
        RefuseToLoad(_path, "is no file of a cached prefix");

        Save(Count(0, 128), _folder.File("right"));
        byte[] bytes = File.ReadAllBytes(_folder.File("right"));
        bytes[8] = 2;
        File.WriteAllBytes(_path, bytes);
        RefuseToLoad(_path, "the format's version is 2, must be 1");

        void RefuseToLoad(string path, string what)
        {
            using PagedCache cache = Create(8);
            var error = Assert.Throws<CacheFileException>(() => cache.LoadPrefix(path, Key));
            Assert.StartsWith($"{path}: {what}", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_beside_threads_that_use_the_cache()
    {
        Save(Count(0, 256));
        using PagedCache cache = Create(12);
        using var stop = new CancellationTokenSource();
        Exception? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                for (int i = 0; !stop.IsCancellationRequested; i++)
                {
                    using var sequence = new FakeSequence(cache, Key);
                    int[] tokens = Count(i % 3 * 1000, 300);
                    sequence.Attach(tokens);
                    if (sequence.Grow(tokens.AsSpan(sequence.Tokens.Count)))
                        sequence.Publish();
                    sequence.Check();
                }
            }
            catch (Exception e)
            {
                error = e;
            }
        });
        thread.Start();
        int saved = 0;
        for (int i = 0; i < 200; i++)
        {
            cache.LoadPrefix(_path, Key);
            int length = cache.SavePrefix(_folder.File("again"), Count(1000, 300), Key);
            saved = length > 0 ? length : saved;
        }
        stop.Cancel();
        thread.Join();
        Assert.Null(error);
        Assert.Equal(12, cache.AvailablePages);
        Assert.NotEqual(0, saved);
        using PagedCache other = Create(12);
        other.LoadPrefix(_folder.File("again"), Key);
        using var last = new FakeSequence(other, Key);
        Assert.Equal(saved, last.Attach(Count(1000, 300)));
        last.Check();
    }

    private static PagedCache Create(int pages) =>
        FakeCaches.Create(pages, identity: new CacheIdentity(Fields));

    private int Save(int[] tokens, string? path = null)
    {
        using PagedCache cache = Create(8);
        Publish(cache, tokens).Dispose();
        return cache.SavePrefix(path ?? _path, tokens, Key);
    }
}
