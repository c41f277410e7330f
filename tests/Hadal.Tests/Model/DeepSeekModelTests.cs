using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;

namespace Hadal.Tests.Model;

public sealed class DeepSeekModelTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions
        {
            MaxStepTokens = 100,
            MaxSequences = 3,
            MaxLogitRows = 5,
            MaxContextTokens = 320,
        }
    );

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Logits_come_for_the_rows_that_ask()
    {
        using PagedCache cache = _model.CreateCache(512);
        using CachedSequence one = cache.CreateSequence();
        using CachedSequence two = cache.CreateSequence();
        using CachedSequence three = cache.CreateSequence();
        using StepBatch batch = _model.CreateBatch(cache);
        batch.Add(one, [5, 6, 7], RowKind.Prefill, LogitRows.None);
        batch.Add(two, [5, 6, 7, 8], RowKind.Prefill, LogitRows.All);
        batch.Add(three, [9, 6], RowKind.Prefill);
        Logits logits = _model.Forward(batch, Cancellation);
        Assert.Equal((5, 2048), (logits.Count, logits.VocabularySize));
        float[][] all = Rows(logits);

        using CachedSequence again = cache.CreateSequence();
        for (int i = 0; i < 4; i++)
        {
            batch.Clear();
            batch.Add(again, [5 + i], RowKind.Decode);
            Assert.Equal(_model.Forward(batch, Cancellation)[0].ToArray(), all[i]);
        }
        Assert.Equal((3, 4, 2, 4), (one.Length, two.Length, three.Length, again.Length));
    }

    [Fact]
    public void Logits_may_be_read_after_the_models_disposal()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using PagedCache cache = model.CreateCache(64);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        batch.Add(sequence, [5, 6, 7], RowKind.Prefill);
        Logits logits = model.Forward(batch, Cancellation);
        float[] before = logits[0].ToArray();
        model.Dispose();
        batch.Dispose();
        Assert.Equal(before, logits[0].ToArray());
    }

    [Fact]
    public void Step_without_tokens_does_nothing()
    {
        using PagedCache cache = _model.CreateCache(64);
        using StepBatch batch = _model.CreateBatch(cache);
        Assert.Equal(0, _model.Forward(batch, Cancellation).Count);
    }

    [Fact]
    public void Step_that_the_cache_has_no_room_for_changes_nothing()
    {
        using PagedCache cache = _model.CreateCache(128);
        using CachedSequence one = cache.CreateSequence();
        using CachedSequence two = cache.CreateSequence();
        using StepBatch batch = _model.CreateBatch(cache);
        batch.Add(one, new int[60], RowKind.Prefill);
        _model.Forward(batch, Cancellation);
        Assert.Equal(1, cache.FreePages);

        batch.Clear();
        batch.Add(one, new int[5], RowKind.Prefill);
        batch.Add(two, new int[3], RowKind.Prefill);
        CacheFullException full = Assert.Throws<CacheFullException>(() =>
            _model.Forward(batch, Cancellation)
        );
        Assert.Equal((2, 1, 2), (full.NeededPages, full.AvailablePages, full.PageCount));
        Assert.Equal((60, 0, 1), (one.Length, two.Length, cache.FreePages));

        one.Dispose();
        Assert.Equal(2, cache.FreePages);
    }

    [Fact]
    public void Step_cancelled_between_layers_changes_nothing()
    {
        using PagedCache cache = _model.CreateCache(320);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = _model.CreateBatch(cache);
        float[] before = GoldenRun.Feed(_model, batch, sequence, [1, 2, 3]);
        sequence.Truncate(2);

        using var source = new CancellationTokenSource();
        var layers = new List<int>();
        batch.Trace = new ModelTrace
        {
            OnLayer = layer =>
            {
                layers.Add(layer);
                if (layer == 1)
                    source.Cancel();
            },
        };
        batch.Clear();
        batch.Add(sequence, new int[90], RowKind.Prefill);
        Assert.Throws<OperationCanceledException>(() => _model.Forward(batch, source.Token));
        batch.Trace = null;
        Assert.Equal([0, 1], layers);
        Assert.Equal((2, 4), (sequence.Length, cache.FreePages));
        Assert.Equal(before, GoldenRun.Feed(_model, batch, sequence, [3]));
    }

    [Fact]
    public void Truncated_sequence_goes_on_as_if_the_rest_had_never_been()
    {
        using PagedCache cache = _model.CreateCache(320);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = _model.CreateBatch(cache);
        int[] tokens = [.. Enumerable.Range(100, 150)];
        float[] expected = GoldenRun.Feed(_model, batch, sequence, tokens);
        GoldenRun.Feed(_model, batch, sequence, [1, 2, 3, 4]);
        sequence.Truncate(100);
        Assert.Equal(3, cache.FreePages);
        Assert.Equal(expected, GoldenRun.Feed(_model, batch, sequence, tokens.AsSpan(100)));
        Assert.Throws<ArgumentOutOfRangeException>(() => sequence.Truncate(151));
    }

    [Fact]
    public void Steps_beyond_the_options_are_refused()
    {
        using PagedCache cache = _model.CreateCache(512);
        using PagedCache otherCache = _model.CreateCache(64);
        using CachedSequence sequence = cache.CreateSequence();
        using CachedSequence other = otherCache.CreateSequence();
        using StepBatch batch = _model.CreateBatch(cache);
        Refused(() => batch.Add(sequence, [], RowKind.Decode), "must have a token");
        Refused(() => batch.Add(sequence, [1, 2], RowKind.Decode), "more than the one");
        Refused(
            () => batch.Add(sequence, new int[101], RowKind.Prefill),
            "101 tokens are more than the 100"
        );
        Refused(
            () => batch.Add(sequence, new int[6], RowKind.Prefill, LogitRows.All),
            "6 rows of logits are more than the 5"
        );
        Refused(
            () => batch.Add(sequence, [0, 2048], RowKind.Prefill),
            "a token id must be from 0 to 2047"
        );
        Refused(
            () => batch.Add(sequence, [-1], RowKind.Decode),
            "a token id must be from 0 to 2047"
        );
        batch.Add(sequence, [1], RowKind.Decode);
        Refused(() => batch.Add(sequence, [1], RowKind.Decode), "in the step already");
        Refused(() => batch.Add(other, [1], RowKind.Decode), "of the batch's cache");
        batch.Add(cache.CreateSequence(), [1], RowKind.Decode);
        batch.Add(cache.CreateSequence(), [1], RowKind.Decode);
        Refused(() => batch.Add(cache.CreateSequence(), [1], RowKind.Decode), "takes 3 sequences");
        using CachedSequence longest = cache.CreateSequence();
        for (int i = 0; i < 4; i++)
        {
            batch.Clear();
            batch.Add(longest, new int[80], RowKind.Prefill);
            _model.Forward(batch, Cancellation);
        }
        batch.Clear();
        ContextLengthException tooLong = Assert.Throws<ContextLengthException>(() =>
            batch.Add(longest, [1], RowKind.Decode)
        );
        Assert.Equal((321, 320), (tooLong.Tokens, tooLong.MaxTokens));

        static void Refused(Action add, string why) =>
            Assert.Contains(
                why,
                Assert.ThrowsAny<ArgumentException>(add).Message,
                StringComparison.Ordinal
            );
    }

    [Fact]
    public void Batch_and_cache_of_another_model_are_refused()
    {
        using DeepSeekModel other = TestModels.Load("random-v3");
        using PagedCache cache = other.CreateCache(64);
        using StepBatch batch = other.CreateBatch(cache);
        Assert.Throws<ArgumentException>(() => _model.Forward(batch, Cancellation));
        Assert.Throws<ArgumentException>(() => _model.CreateBatch(cache));
    }

    [Fact]
    public void Disposed_parts_are_refused()
    {
        using DeepSeekModel model = TestModels.Load("random-v3");
        using PagedCache cache = model.CreateCache(64);
        using StepBatch batch = model.CreateBatch(cache);
        CachedSequence sequence = cache.CreateSequence();
        sequence.Dispose();
        sequence.Dispose();
        Assert.Throws<ObjectDisposedException>(() => batch.Add(sequence, [1], RowKind.Decode));
        batch.Add(cache.CreateSequence(), [1], RowKind.Decode);
        cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Forward(batch, Cancellation));
        model.Dispose();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Forward(batch, Cancellation));
        Assert.Throws<ObjectDisposedException>(() => model.CreateCache(64));
        Assert.Throws<ObjectDisposedException>(() => model.CreateBatch(cache));
        batch.Dispose();
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => batch.Add(sequence, [1], RowKind.Decode));
    }

    [Fact]
    public void Loading_reports_every_tensor_and_can_be_cancelled()
    {
        using Device device = Device.Cpu(1);
        using Checkpoint checkpoint = Checkpoint.Open(TestModels.Folder("random-v3"));
        var seen = new List<LoadProgress>();
        var all = new ModelOptions { LoadPredictor = true };
        using (DeepSeekModel.Load(checkpoint, device, all, new Listener(seen), Cancellation)) { }
        Assert.Equal(checkpoint.Tensors.Count, seen[^1].TensorsTotal);
        Assert.Equal(seen.Select((_, i) => i + 1), seen.Select(p => p.TensorsDone));
        Assert.Equal(seen[^1].TensorsTotal, seen[^1].TensorsDone);
        Assert.Equal(seen[^1].BytesTotal, seen[^1].BytesDone);
        Assert.Throws<OperationCanceledException>(() =>
            DeepSeekModel.Load(checkpoint, device, null, null, new CancellationToken(true))
        );
    }

    [Fact]
    public void Bad_options_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelOptions { MaxStepTokens = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelOptions { MaxSequences = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelOptions { MaxLogitRows = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelOptions { MaxContextTokens = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelOptions { IndexTopK = 65 });
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            TestModels.Load("random-v3", new ModelOptions { MaxContextTokens = 4097 })
        );
        Assert.Throws<ArgumentOutOfRangeException>(() => _model.CreateCache(0));
    }

    private static float[][] Rows(Logits logits)
    {
        var rows = new float[logits.Count][];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = logits[i].ToArray();
        return rows;
    }

    private sealed class Listener(List<LoadProgress> seen) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => seen.Add(value);
    }
}
