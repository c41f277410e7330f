using Hadal.Caching;
using static Hadal.Tests.Caching.FakeCaches;

namespace Hadal.Tests.Caching;

/// <summary>What sequences of one cache share.</summary>
public sealed class PrefixIndexTests
{
    private static readonly PrefixKey Key = new("");

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(64, 0)]
    [InlineData(65, 64)]
    [InlineData(128, 64)]
    [InlineData(129, 128)]
    [InlineData(1024, 128)]
    public void Hit_leaves_a_token_to_compute(int length, int expected)
    {
        using PagedCache cache = Create(8);
        Publish(cache, Count(0, 150)).Dispose();
        using var sequence = new FakeSequence(cache, Key);
        Assert.Equal(expected, sequence.Attach(Count(0, length)));
        Assert.Equal(expected, sequence.Sequence.Length);
        sequence.Check();
        Assert.Equal((expected > 0 ? 1 : 0, expected), Hits(cache));
    }

    [Fact]
    public void Prefix_ends_where_the_tokens_differ()
    {
        using PagedCache cache = Create(8);
        Publish(cache, Count(0, 256)).Dispose();
        int[] other = Count(0, 256);
        other[127]++;
        using var sequence = new FakeSequence(cache, Key);
        Assert.Equal(64, sequence.Attach(other));
        // A page is found by what comes before it too.
        using var tail = new FakeSequence(cache, Key);
        Assert.Equal(0, tail.Attach(Count(64, 192)));
    }

    [Theory]
    [InlineData("", 1UL)]
    [InlineData("a", 0UL)]
    public void Other_keys_share_nothing(string salt, ulong variant)
    {
        using PagedCache cache = Create(8);
        Publish(cache, Count(0, 128)).Dispose();
        using var other = new FakeSequence(cache, new PrefixKey(salt, variant));
        Assert.Equal(0, other.Attach(Count(0, 128)));
        other.Grow(Count(0, 128));
        other.Publish();
        using var again = new FakeSequence(cache, new PrefixKey(salt, variant));
        Assert.Equal(64, again.Attach(Count(0, 128)));
        again.Check();
    }

    [Fact]
    public void Tokens_whose_hashes_are_equal_are_compared()
    {
        using PagedCache cache = Create(8, (_, _) => 0);
        using FakeSequence one = Publish(cache, Count(0, 128));
        using var other = new FakeSequence(cache, Key);
        Assert.Equal(0, other.Attach(Count(1, 128)));
        other.Grow(Count(1, 128));
        other.Publish();
        foreach (int start in new[] { 0, 1 })
        {
            using var sequence = new FakeSequence(cache, Key);
            Assert.Equal(128, sequence.Attach(Count(start, 129)));
            sequence.Check();
        }
    }

    [Fact]
    public void Tokens_that_were_taken_back_are_not_published()
    {
        using PagedCache cache = Create(8);
        using var sequence = new FakeSequence(cache, Key);
        sequence.Grow(Count(0, 60));
        // Drafts, of which two are accepted.
        sequence.Grow(Count(100, 8));
        sequence.Truncate(62);
        cache.Prefixes.Publish(sequence.Sequence, [.. Count(0, 60), .. Count(100, 8)], Key);
        using var other = new FakeSequence(cache, Key);
        Assert.Equal(0, other.Attach([.. Count(0, 60), .. Count(100, 8)]));
        sequence.Grow(Count(500, 10));
        sequence.Publish();
        Assert.Equal(0, other.Attach([.. Count(0, 60), .. Count(100, 8)]));
        Assert.Equal(64, other.Attach([.. Count(0, 60), 100, 101, 500, 501, 502]));
        other.Check();
    }

    [Fact]
    public void Shared_page_is_copied_before_it_is_written()
    {
        using PagedCache cache = Create(8);
        using FakeSequence one = Publish(cache, Count(0, 128));
        using var other = new FakeSequence(cache, Key);
        other.Attach(Count(0, 129));
        Assert.Equal((6, 0, 2), Pages(cache));
        other.Truncate(100);
        Assert.Equal((6, 0, 2), Pages(cache));
        // A step that came to nothing leaves the tokens; the page stays its own.
        other.Grow(Count(300, 10), isDone: false);
        Assert.Equal((5, 0, 3), Pages(cache));
        other.Check();
        other.Grow(Count(400, 28));
        one.Check();
        other.Check();
        other.Publish();
        using var third = new FakeSequence(cache, Key);
        Assert.Equal(128, third.Attach([.. Count(0, 100), .. Count(400, 29)]));
        third.Check();
        Assert.Equal((5, 0, 3), Pages(cache));
    }

    [Fact]
    public void Page_that_no_one_else_has_is_taken_back_instead()
    {
        using PagedCache cache = Create(2);
        using FakeSequence one = Publish(cache, Count(0, 128));
        one.Truncate(127);
        Assert.True(one.Grow([5]));
        one.Check();
        using var other = new FakeSequence(cache, Key);
        Assert.Equal(64, other.Attach(Count(0, 200)));
        Assert.Equal((0, 0, 2), Pages(cache));

        // With a page after it it is copied, and that page makes room.
        other.Truncate(0);
        one.Publish();
        one.Truncate(63);
        Assert.True(one.Grow([63]));
        one.Check();
        Assert.Equal(1, cache.Statistics.Evictions);
    }

    [Fact]
    public void Same_prefix_published_twice_is_kept_once()
    {
        using PagedCache cache = Create(8);
        using var one = new FakeSequence(cache, Key);
        using var other = new FakeSequence(cache, Key);
        one.Grow(Count(0, 150));
        other.Grow(Count(0, 140));
        one.Publish();
        Assert.Equal((2, 0, 6), Pages(cache));
        int revision = other.Sequence.Revision;
        other.Publish();
        Assert.Equal((4, 0, 4), Pages(cache));
        Assert.NotEqual(revision, other.Sequence.Revision);
        one.Dispose();
        other.Check();
        Assert.Equal((5, 0, 3), Pages(cache));
        other.Dispose();
        Assert.Equal((6, 2, 0), Pages(cache));
    }

    [Fact]
    public void Publishing_again_does_nothing()
    {
        using PagedCache cache = Create(8);
        using FakeSequence one = Publish(cache, Count(0, 128));
        int revision = one.Sequence.Revision;
        one.Publish();
        Assert.Equal(revision, one.Sequence.Revision);
        one.Grow(Count(0, 64));
        one.Publish();
        one.Dispose();
        Assert.Equal((5, 3, 0), Pages(cache));
    }

    [Fact]
    public void Longest_unused_page_goes_first_and_the_end_of_a_prefix_before_its_beginning()
    {
        using PagedCache cache = Create(6);
        Publish(cache, Count(0, 128)).Dispose();
        Publish(cache, Count(1000, 128)).Dispose();
        Publish(cache, Count(2000, 128)).Dispose();
        using (var again = new FakeSequence(cache, Key))
            again.Attach(Count(0, 129));
        using var sequence = new FakeSequence(cache, Key);
        sequence.Grow(Count(5000, 192));
        Assert.Equal(0, Found(1000));
        Assert.Equal(64, Found(2000));
        Assert.Equal(128, Found(0));
        Assert.Equal((0, 3, 3), Pages(cache));
        Assert.Equal(3, cache.Statistics.Evictions);

        int Found(int start)
        {
            using var other = new FakeSequence(cache, Key);
            return other.Attach(Count(start, 129));
        }
    }

    [Fact]
    public void Sequence_that_is_not_empty_or_in_a_step_is_refused()
    {
        using PagedCache cache = Create(8);
        using FakeSequence one = Publish(cache, Count(0, 128));
        var error = Assert.Throws<InvalidOperationException>(() => one.Attach(Count(0, 128)));
        Assert.Contains("has 128 tokens already", error.Message, StringComparison.Ordinal);
        using var other = new FakeSequence(cache, Key);
        other.Sequence.BeginStep(3);
        Assert.Throws<InvalidOperationException>(() => other.Attach(Count(0, 128)));
        Assert.Throws<InvalidOperationException>(other.Publish);
        other.Sequence.EndStep(0);
        Assert.Equal(64, other.Attach(Count(0, 128)));

        using PagedCache elsewhere = Create(8);
        Assert.Throws<ArgumentException>(() =>
            elsewhere.Prefixes.Publish(one.Sequence, Count(0, 128), Key)
        );
        one.Dispose();
        Assert.Throws<ObjectDisposedException>(one.Publish);
    }

    [Fact]
    public void Tokens_and_key_that_are_not_the_sequences_are_refused()
    {
        using PagedCache cache = Create(8);
        using FakeSequence one = Publish(cache, Count(0, 128));
        Assert.Equal("tokens", Refused(Count(0, 127), Key));
        Assert.Equal("tokens", Refused(Count(1, 128), Key));
        Assert.Equal("key", Refused(Count(0, 128), new PrefixKey("a")));

        string? Refused(int[] tokens, PrefixKey key) =>
            Assert
                .Throws<ArgumentException>(() => cache.Prefixes.Publish(one.Sequence, tokens, key))
                .ParamName;
    }

    [Fact]
    public void Prefix_is_no_longer_than_a_sequence_may_be()
    {
        using PagedCache cache = Create(8, maxTokens: 128);
        Publish(cache, Count(0, 128)).Dispose();
        using var sequence = new FakeSequence(cache, Key);
        Assert.Equal(128, sequence.Attach(Count(0, 1000)));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        using PagedCache cache = Create(10);
        int[] tokens = Count(0, 1000);
        using FakeSequence one = Publish(cache, Count(0, 300));
        using CachedSequence sequence = cache.CreateSequence();
        Assert.Equal(
            0,
            Allocations.Of(() =>
            {
                for (int start = 0; start < 200; start += 50)
                {
                    cache.Prefixes.Attach(sequence, tokens.AsSpan(start), Key);
                    sequence.Truncate(sequence.Length - sequence.Length / 4);
                    sequence.OwnNextPage();
                    int more = 200 - sequence.Length;
                    sequence.BeginStep(more);
                    sequence.EndStep(more);
                    cache.Prefixes.Publish(sequence, tokens.AsSpan(start), Key);
                    sequence.Truncate(0);
                }
            })
        );
        Assert.NotEqual(0, cache.Statistics.Evictions);
    }

    private static (long, long) Hits(PagedCache cache) =>
        (cache.Statistics.Hits, cache.Statistics.TokensSaved);
}
