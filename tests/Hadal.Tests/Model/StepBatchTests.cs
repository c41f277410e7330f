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
        _batch = _model.CreateBatch(_cache);
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
        _batch.Add(other, [4, 5], RowKind.Prefill);
        _batch.Add(_sequence, [1, 2], RowKind.Prefill);
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
        _batch.Add(_sequence, [1, 2], RowKind.Prefill);
        _model.Forward(_batch, Cancellation);
        Assert.Equal(length + 2, _sequence.Length);
    }

    [Fact]
    public void Sequence_disposed_after_its_tokens_were_added_is_refused()
    {
        using CachedSequence other = _cache.CreateSequence();
        _batch.Add(other, [4, 5], RowKind.Prefill);
        _batch.Add(_sequence, [1, 2], RowKind.Prefill);
        _sequence.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _model.Forward(_batch, Cancellation));
        Assert.Equal((0, 5), (other.Length, _cache.FreePages));
    }

    [Fact]
    public void Sequence_truncated_to_its_length_is_as_it_was()
    {
        _batch.Add(_sequence, [1, 2], RowKind.Prefill);
        _sequence.Truncate(70);
        _model.Forward(_batch, Cancellation);
        Assert.Equal(72, _sequence.Length);
    }

    [Fact]
    public void Batch_is_run_once()
    {
        using CachedSequence other = _cache.CreateSequence();
        _batch.Add(_sequence, new int[58], RowKind.Prefill);
        _model.Forward(_batch, Cancellation);
        var error = Assert.Throws<InvalidOperationException>(() =>
            _model.Forward(_batch, Cancellation)
        );
        Assert.Contains("was run already; clear it", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => _batch.Add(other, [1], RowKind.Decode));
        Assert.Throws<InvalidOperationException>(() => _model.FillRandomly(_batch, 1));
        Assert.Equal((128, 3), (_sequence.Length, _cache.FreePages));
        _batch.Clear();
        _batch.Add(_sequence, [1], RowKind.Decode);
        _model.FillRandomly(_batch, 1);
        Assert.Throws<InvalidOperationException>(() => _model.Forward(_batch, Cancellation));
        Assert.Equal((129, 2), (_sequence.Length, _cache.FreePages));
    }

    [Fact]
    public void Batch_whose_step_came_to_nothing_can_be_run_again()
    {
        _batch.Add(_sequence, [1, 2, 3], RowKind.Prefill);
        Assert.Throws<OperationCanceledException>(() =>
            _model.Forward(_batch, new CancellationToken(true))
        );
        _batch.Trace = new ModelTrace { OnLayer = _ => throw new TimeoutException() };
        Assert.Throws<TimeoutException>(() => _model.Forward(_batch, Cancellation));
        _batch.Trace = null;
        float[] logits = _model.Forward(_batch, Cancellation)[0].ToArray();
        _sequence.Truncate(70);
        Assert.Equal(Feed(_sequence, [1, 2, 3]), logits);
    }

    [Fact]
    public void Draft_from_sequences_that_were_changed_is_refused()
    {
        _batch.Add(_sequence, [1, 2], RowKind.Prefill);
        _model.Forward(_batch, Cancellation);
        _sequence.Truncate(71);
        Assert.Throws<InvalidOperationException>(() => _model.Draft(_batch, [2, 3], Cancellation));

        _batch.Clear();
        _batch.Add(_sequence, [2], RowKind.Decode);
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
        _batch.Add(_sequence, new int[100], RowKind.Prefill);
        _batch.Add(other, [7, 8, 9], RowKind.Prefill);
        float[] logits = [];
        using (new HeldStep(_batch, Step))
        {
            Assert.Equal(1, _cache.FreePages);
            Assert.Throws<InvalidOperationException>(() => _sequence.Truncate(0));
            _sequence.Dispose();
            Assert.Equal(1, _cache.FreePages);
        }
        Assert.Equal((3, 4), (other.Length, _cache.FreePages));
        Assert.Equal(expected, logits);
        Assert.Throws<ObjectDisposedException>(() => _sequence.Truncate(0));

        void Step() => logits = _model.Forward(_batch)[1].ToArray();
    }

    [Fact]
    public void Cache_disposed_during_a_step_keeps_its_memory_until_the_end()
    {
        float[] expected = Feed(_sequence, [1, 2, 3]);
        _sequence.Truncate(70);
        _batch.Add(_sequence, [1, 2, 3], RowKind.Prefill);
        float[] logits = [];
        using (new HeldStep(_batch, Step))
        {
            _cache.Dispose();
            Assert.Throws<ObjectDisposedException>(_cache.CreateSequence);
        }
        Assert.Equal(expected, logits);
        _batch.Clear();
        Assert.Throws<ObjectDisposedException>(() => _batch.Add(_sequence, [1], RowKind.Decode));

        void Step() => logits = _model.Forward(_batch)[0].ToArray();
    }

    [Fact]
    public void Batches_of_several_threads_run_at_once_with_the_bits_of_each_alone()
    {
        const int Threads = 4;
        int[][] prompts = [.. Enumerable.Range(0, Threads).Select(i => Prompt(i))];
        float[][] expected = [.. prompts.Select(prompt => Run(prompt))];
        var made = new float[Threads][];
        Exception? error = null;
        Thread[] threads =
        [
            .. Enumerable
                .Range(0, Threads)
                .Select(i => new Thread(() =>
                {
                    try
                    {
                        for (int round = 0; round < 5; round++)
                            made[i] = Run(prompts[i]);
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
        Assert.Equal(expected, made);

        static int[] Prompt(int i) => [.. Enumerable.Range(10 * i, 20 + 20 * i)];

        // A prompt, a decoded token, and a draft of the one after it.
        float[] Run(int[] prompt)
        {
            using PagedCache cache = _model.CreateCache(128);
            using CachedSequence sequence = cache.CreateSequence();
            using StepBatch batch = _model.CreateBatch(cache);
            float[] logits = GoldenRun.Feed(_model, batch, sequence, prompt);
            float[] next = GoldenRun.Feed(_model, batch, sequence, [3]);
            return [.. logits, .. next, .. _model.Draft(batch, [4])[0]];
        }
    }

    [Fact]
    public void Steps_of_other_batches_wait_for_none()
    {
        using CachedSequence other = _cache.CreateSequence();
        float[] expected = Feed(other, [7, 8, 9]);
        other.Truncate(0);
        _batch.Add(_sequence, [1], RowKind.Decode);
        using (new HeldStep(_batch, () => _model.Forward(_batch)))
        {
            Assert.Equal(expected, Feed(other, [7, 8, 9]));
            var error = Assert.Throws<InvalidOperationException>(() =>
                _model.Forward(_batch, Cancellation)
            );
            Assert.Contains("run by another thread", error.Message, StringComparison.Ordinal);
        }
        Assert.Equal(71, _sequence.Length);
    }

    [Fact]
    public void Batch_and_model_disposed_during_a_step_stay_until_its_end()
    {
        float[] expected = Feed(_sequence, [1, 2, 3]);
        _sequence.Truncate(70);
        _batch.Add(_sequence, [1, 2, 3], RowKind.Prefill);
        float[] logits = [];
        using (new HeldStep(_batch, () => logits = _model.Forward(_batch)[0].ToArray()))
        {
            _batch.Dispose();
            _model.Dispose();
            Assert.Throws<ObjectDisposedException>(() => _model.CreateBatch(_cache));
            using CachedSequence other = _cache.CreateSequence();
            Assert.Throws<ObjectDisposedException>(() => _batch.Add(other, [1], RowKind.Decode));
        }
        Assert.Equal(expected, logits);
        Assert.Throws<ObjectDisposedException>(() => _model.Forward(_batch, Cancellation));
    }

    [Theory]
    [InlineData(PrefillForm.Absorbed)]
    [InlineData(PrefillForm.ByPosition)]
    public void Verified_tokens_have_the_bits_of_decoded_ones(PrefillForm form)
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { PrefillForm = form }
        );
        using PagedCache cache = model.CreateCache(256);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        GoldenRun.Feed(model, batch, sequence, [.. Enumerable.Range(100, 70)]);
        float[][] decoded =
        [
            .. Enumerable.Range(0, 3).Select(i => GoldenRun.Feed(model, batch, sequence, [7 + i])),
        ];
        sequence.Truncate(70);
        batch.Clear();
        batch.Add(sequence, [7, 8, 9], RowKind.Verify, LogitRows.All);
        Logits verified = model.Forward(batch, Cancellation);
        for (int i = 0; i < 3; i++)
            Assert.Equal(decoded[i], verified[i].ToArray());
        if (form == PrefillForm.Absorbed)
            return;
        // The expanded form of a prompt has other bits.
        sequence.Truncate(70);
        Assert.NotEqual(decoded[2], GoldenRun.Feed(model, batch, sequence, [7, 8, 9]));
    }

    private float[] Feed(CachedSequence sequence, ReadOnlySpan<int> tokens)
    {
        using StepBatch batch = _model.CreateBatch(_cache);
        return GoldenRun.Feed(_model, batch, sequence, tokens);
    }
}
