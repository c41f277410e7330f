using System.IO.Hashing;
using Hadal.Caching;

namespace Hadal.Tests.Caching;

/// <summary>Random operations leave each page with whom it should be, and the content of each sequence as it was computed.</summary>
public sealed class RandomPagesTests
{
    private const int MaxTokens = 512;

    /// <summary>Seed, and bits of the hash: with few, nearly all prefixes collide.</summary>
    public static TheoryData<int, int> Seeds
    {
        get
        {
            int[] bits = [64, 64, 3, 0];
            var data = new TheoryData<int, int>();
            for (int seed = 0; seed < 40; seed++)
                data.Add(seed, bits[seed % bits.Length]);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Pages_are_with_whom_they_should_be(int seed, int hashBits)
    {
        var random = new Random(seed);
        ulong mask = hashBits == 64 ? ulong.MaxValue : (1UL << hashBits) - 1;
        int pages = random.Next(1, 40);
        using PagedCache cache = FakeCaches.Create(
            pages,
            (from, bytes) => XxHash3.HashToUInt64(bytes, (long)from) & mask,
            MaxTokens
        );
        var expected = new ExpectedPages(pages);
        var sequences = new List<FakeSequence>();
        for (int i = 0; i < 400; i++)
        {
            Operate(random, cache, sequences, expected);
            CacheStatistics made = cache.Statistics;
            Assert.Equal(
                (expected.Free, expected.Cached, expected.Referenced, expected.Evictions),
                (made.FreePages, made.CachedPages, made.ReferencedPages, made.Evictions)
            );
            Assert.Equal(pages, made.FreePages + made.CachedPages + made.ReferencedPages);
            sequences.ForEach(sequence => sequence.Check());
        }
        sequences.ForEach(sequence => sequence.Dispose());
        Assert.Equal(pages, cache.AvailablePages);
        // All of them can be had.
        using var last = new FakeSequence(cache, default);
        int most = Math.Min(64 * pages, MaxTokens);
        Assert.True(last.Grow(new int[most]));
        last.Check();
    }

    [Fact]
    public void Threads_share_pages()
    {
        const int Threads = 4;
        using PagedCache cache = FakeCaches.Create(24, maxTokens: MaxTokens);
        Exception? error = null;
        Thread[] threads =
        [
            .. Enumerable
                .Range(0, Threads)
                .Select(seed => new Thread(() =>
                {
                    try
                    {
                        var random = new Random(seed);
                        var own = new List<FakeSequence>();
                        for (int i = 0; i < 3000; i++)
                        {
                            Operate(random, cache, own, expected: null);
                            if (i % 10 == 0)
                                own.ForEach(sequence => sequence.Check());
                        }
                        own.ForEach(sequence => sequence.Dispose());
                    }
                    catch (Exception e)
                    {
                        error = e;
                    }
                })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(error);
        Assert.Equal(
            (cache.PageCount, 0),
            (cache.AvailablePages, cache.Statistics.ReferencedPages)
        );
        Assert.NotEqual(0, cache.Statistics.Hits);
    }

    private static void Operate(
        Random random,
        PagedCache cache,
        List<FakeSequence> sequences,
        ExpectedPages? expected
    )
    {
        if (sequences.Count == 0 || (sequences.Count < 6 && random.Next(6) == 0))
        {
            var key = new PrefixKey(random.Next(4) == 0 ? "tenant" : "", (ulong)random.Next(8) / 7);
            var sequence = new FakeSequence(cache, key);
            sequences.Add(sequence);
            expected?.Add(sequence);
            int[] prompt = Text(random, random.Next(MaxTokens + 1));
            int? length = expected?.Attach(sequence, prompt);
            int attached = sequence.Attach(prompt);
            Assert.Equal(length ?? attached, attached);
            return;
        }
        FakeSequence one = sequences[random.Next(sequences.Count)];
        switch (random.Next(8))
        {
            case 0:
                expected?.Remove(one);
                sequences.Remove(one);
                one.Dispose();
                break;
            case 1:
                int kept = random.Next(one.Tokens.Count + 1);
                one.Truncate(kept);
                expected?.Truncate(one, kept);
                break;
            case 2 or 3:
                one.Publish();
                expected?.Publish(one);
                break;
            default:
                int most = MaxTokens - one.Tokens.Count;
                int[] more = Text(random, MaxTokens)[
                    one.Tokens.Count..(one.Tokens.Count + random.Next(Math.Min(most, 150) + 1))
                ];
                bool isDone = random.Next(6) > 0;
                bool? fits = expected?.Grow(one, more.Length, isDone);
                bool grew = one.Grow(more, isDone);
                Assert.Equal(fits ?? grew, grew);
                break;
        }
    }

    // Of few pages, so that prefixes come again; the last token of a page tells two of them apart.
    private static int[] Text(Random random, int length)
    {
        var tokens = new int[length];
        for (int page = 0; 64 * page < length; page++)
        {
            int kind = random.Next(5) / 3;
            int end = Math.Min(length, 64 * page + 64);
            for (int i = 64 * page; i < end; i++)
                tokens[i] = i % 64 == 63 ? kind : 7;
        }
        return tokens;
    }
}
