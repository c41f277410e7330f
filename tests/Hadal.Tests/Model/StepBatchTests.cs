using CommunityToolkit.HighPerformance;
using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>A batch and its sequences between the adding of tokens and the end of their step.</summary>
public sealed class StepBatchTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { LoadPredictor = true }
    );
    private readonly PagedCache _cache;
    private readonly CachedSequence _sequence;
    private readonly StepBatch _batch;

    public StepBatchTests()
    {
        _cache = _model.CreateCache(320);
        _sequence = _cache.CreateSequence();
        _batch = _model.CreateBatch();
        Feed(_sequence, [.. Enumerable.Range(100, 70)]);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _batch.Dispose();
        _cache.Dispose();
        _model.Dispose();
    }

    [Theory]
    [InlineData("truncated")]
    [InlineData("truncated and refilled")]
    [InlineData("run in another batch")]
    public void Sequence_changed_after_its_tokens_were_added_is_refused(string change)
    {
        using CachedSequence other = _cache.CreateSequence();
        _batch.Add(other, [4, 5]);
        _batch.Add(_sequence, [1, 2]);
        if (change == "run in another batch")
        {
            Feed(_sequence, [3, 4]);
        }
        else
        {
            _sequence.Truncate(60);
            if (change != "truncated")
                Feed(_sequence, new int[10]);
        }
        int free = _cache.FreePages;
        int length = _sequence.Length;
        var error = Assert.Throws<InvalidOperationException>(() =>
            _model.Forward(_batch, Cancellation)
        );
        Assert.StartsWith("Sequence 1 of the batch", error.Message, StringComparison.Ordinal);
        Assert.Equal((0, length, free), (other.Length, _sequence.Length, _cache.FreePages));

        _batch.Clear();
        _batch.Add(_sequence, [1, 2]);
        _model.Forward(_batch, Cancellation);
        Assert.Equal(length + 2, _sequence.Length);
    }

    [Fact]
    public void Sequence_disposed_after_its_tokens_were_added_is_refused()
    {
        using CachedSequence other = _cache.CreateSequence();
        _batch.Add(other, [4, 5]);
        _batch.Add(_sequence, [1, 2]);
        _sequence.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _model.Forward(_batch, Cancellation));
        Assert.Equal((0, 5), (other.Length, _cache.FreePages));
    }

    [Fact]
    public void Sequence_truncated_to_its_length_is_as_it_was()
    {
        _batch.Add(_sequence, [1, 2]);
        _sequence.Truncate(70);
        _model.Forward(_batch, Cancellation);
        Assert.Equal(72, _sequence.Length);
    }

    [Fact]
    public void Batch_is_run_once()
    {
        using CachedSequence other = _cache.CreateSequence();
        _batch.Add(_sequence, new int[58]);
        _model.Forward(_batch, Cancellation);
        var error = Assert.Throws<InvalidOperationException>(() =>
            _model.Forward(_batch, Cancellation)
        );
        Assert.Contains("was run already; clear it", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => _batch.Add(other, [1]));
        Assert.Throws<InvalidOperationException>(() => _model.FillRandomly(_batch, 1));
        Assert.Equal((128, 3), (_sequence.Length, _cache.FreePages));
        _batch.Clear();
        _batch.Add(_sequence, [1]);
        _model.FillRandomly(_batch, 1);
        Assert.Throws<InvalidOperationException>(() => _model.Forward(_batch, Cancellation));
        Assert.Equal((129, 2), (_sequence.Length, _cache.FreePages));
    }

    [Fact]
    public void Batch_whose_step_came_to_nothing_can_be_run_again()
    {
        _batch.Add(_sequence, [1, 2, 3]);
        Assert.Throws<OperationCanceledException>(() =>
            _model.Forward(_batch, new CancellationToken(true))
        );
        _model.Trace = new ModelTrace { OnLayer = _ => throw new TimeoutException() };
        Assert.Throws<TimeoutException>(() => _model.Forward(_batch, Cancellation));
        _model.Trace = null;
        float[] logits = _model.Forward(_batch, Cancellation).GetRowSpan(0).ToArray();
        _sequence.Truncate(70);
        Assert.Equal(Feed(_sequence, [1, 2, 3]), logits);
    }

    [Fact]
    public void Draft_from_sequences_that_were_changed_is_refused()
    {
        _batch.Add(_sequence, [1, 2]);
        _model.Forward(_batch, Cancellation);
        _sequence.Truncate(71);
        Assert.Throws<InvalidOperationException>(() => _model.Draft(_batch, [2, 3], Cancellation));

        _batch.Clear();
        _batch.Add(_sequence, [2]);
        _model.Forward(_batch, Cancellation);
        _cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _model.Draft(_batch, [3], Cancellation));
    }

    [Fact]
    public void Sequence_disposed_during_its_step_keeps_its_pages_until_the_end()
    {
        using CachedSequence other = _cache.CreateSequence();
        float[] expected = Feed(other, [7, 8, 9]);
        other.Truncate(0);
        _batch.Add(_sequence, new int[100]);
        _batch.Add(other, [7, 8, 9]);
        float[] logits = [];
        using (new HeldStep(_model, Step))
        {
            Assert.Equal(1, _cache.FreePages);
            Assert.Throws<InvalidOperationException>(() => _sequence.Truncate(0));
            _sequence.Dispose();
            Assert.Equal(1, _cache.FreePages);
        }
        Assert.Equal((3, 4), (other.Length, _cache.FreePages));
        Assert.Equal(expected, logits);
        Assert.Throws<ObjectDisposedException>(() => _sequence.Truncate(0));

        void Step() => logits = _model.Forward(_batch).GetRowSpan(1).ToArray();
    }

    [Fact]
    public void Cache_disposed_during_a_step_keeps_its_memory_until_the_end()
    {
        float[] expected = Feed(_sequence, [1, 2, 3]);
        _sequence.Truncate(70);
        _batch.Add(_sequence, [1, 2, 3]);
        float[] logits = [];
        using (new HeldStep(_model, Step))
        {
            _cache.Dispose();
            Assert.Throws<ObjectDisposedException>(_cache.CreateSequence);
        }
        Assert.Equal(expected, logits);
        _batch.Clear();
        Assert.Throws<ObjectDisposedException>(() => _batch.Add(_sequence, [1]));

        void Step() => logits = _model.Forward(_batch).GetRowSpan(0).ToArray();
    }

    private float[] Feed(CachedSequence sequence, ReadOnlySpan<int> tokens)
    {
        using StepBatch batch = _model.CreateBatch();
        return GoldenRun.Feed(_model, batch, sequence, tokens);
    }
}
