using System.Text.Json.Nodes;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>Memory goes with what is used, not with the greatest numbers that a config or an option allows.</summary>
public sealed class ModelMemoryTests
{
    private const int LongestContext = 1 << 24;

    [Theory]
    [InlineData(PrefillForm.Absorbed)]
    [InlineData(PrefillForm.Expanded)]
    public void A_long_context_costs_nothing_before_it_is_used(PrefillForm form)
    {
        var options = new ModelOptions { MaxSequences = 1, PrefillForm = form };
        using TemporaryFolder folder = WithLongContext();
        using Device device = Device.Cpu(1);
        using DeepSeekModel model = DeepSeekModel.Load(folder.Path, device, options);
        using DeepSeekModel usual = TestModels.Load("random-a", options, threads: 1);
        Assert.Equal(LongestContext, model.MaxContextTokens);
        using PagedCache cache = model.CreateCache(256);
        using PagedCache usualCache = usual.CreateCache(256);
        using StepBatch batch = model.CreateBatch(cache);
        using StepBatch usualBatch = usual.CreateBatch(usualCache);
        // A page's number, and in the expanded form a token's place, is all that each takes: 4 bytes.
        int slots = form == PrefillForm.Expanded ? LongestContext : 0;
        Assert.Equal(usual.MemoryBytes, model.MemoryBytes);
        Assert.InRange(
            batch.MemoryBytes - usualBatch.MemoryBytes,
            0,
            4L * (LongestContext / PagedCache.PageTokens + slots)
        );
    }

    [Fact]
    public void Steps_are_sized_by_what_contexts_hold()
    {
        var options = new ModelOptions { MaxContextTokens = 64, MaxSequences = 2 };
        using DeepSeekModel fitting = TestModels.Load(
            "random-a",
            options with
            {
                MaxStepTokens = 128,
            }
        );
        using DeepSeekModel large = TestModels.Load(
            "random-a",
            options with
            {
                MaxStepTokens = 1 << 20,
                MaxLogitRows = 1 << 20,
                MaxSequences = 2,
            }
        );
        using PagedCache cache = large.CreateCache(128);
        using PagedCache fittingCache = fitting.CreateCache(128);
        using StepBatch batch = large.CreateBatch(cache);
        using StepBatch fittingBatch = fitting.CreateBatch(fittingCache);
        // More rows of logits, up to 128: a row's token, 512 logits in f32, and twice 256 bf16 of hidden state.
        Assert.Equal(
            fittingBatch.MemoryBytes + (128 - 16) * (4 + 512 * 4 + 2 * 256 * 2),
            batch.MemoryBytes
        );
        Assert.Equal(1 << 20, large.Options.MaxStepTokens);

        using CachedSequence one = cache.CreateSequence();
        using CachedSequence two = cache.CreateSequence();
        Assert.Throws<ContextLengthException>(() => batch.Add(one, new int[65], RowKind.Prefill));
        batch.Add(one, new int[64], RowKind.Prefill, LogitRows.All);
        batch.Add(two, new int[64], RowKind.Prefill, LogitRows.All);
        Assert.Equal(128, large.Forward(batch, TestContext.Current.CancellationToken).Count);
    }

    [Theory]
    [InlineData(PrefillForm.Absorbed)]
    [InlineData(PrefillForm.Expanded)]
    public void Memory_grows_with_the_cache_alone_and_changes_no_bit(PrefillForm form)
    {
        var options = new ModelOptions { PrefillForm = form };
        int[] tokens = [.. Enumerable.Range(0, 400).Select(i => i * 37 % 512)];
        using DeepSeekModel model = TestModels.Load("random-a", options);
        using PagedCache smallCache = model.CreateCache(60);
        using StepBatch small = model.CreateBatch(smallCache);
        float[][] expected = Logits(model, small, tokens.AsSpan(0, 50), tokens.AsSpan(50, 7));
        long memory = small.MemoryBytes;

        using PagedCache cache = model.CreateCache(448);
        using StepBatch large = model.CreateBatch(cache);
        Assert.InRange(
            large.MemoryBytes,
            form == PrefillForm.Expanded ? memory + 1 : memory,
            long.MaxValue
        );
        // The larger cache brings another table of cosines; the first batch keeps its own.
        Assert.Equal(expected, Logits(model, small, tokens.AsSpan(0, 50), tokens.AsSpan(50, 7)));
        Assert.Equal(expected, Logits(model, large, tokens.AsSpan(0, 50), tokens.AsSpan(50, 7)));
        long largeMemory = large.MemoryBytes;
        _ = Logits(model, large, tokens.AsSpan(0, 399), tokens.AsSpan(399));
        Assert.Equal((memory, largeMemory), (small.MemoryBytes, large.MemoryBytes));
    }

    [Fact]
    public void A_draft_survives_steps_of_other_batches()
    {
        var options = new ModelOptions { LoadPredictor = true, PrefillForm = PrefillForm.Expanded };
        using DeepSeekModel model = TestModels.Load("random-a", options);
        Assert.Equal(Draft(hasOthers: false), Draft(hasOthers: true));

        float[] Draft(bool hasOthers)
        {
            CancellationToken cancellation = TestContext.Current.CancellationToken;
            using PagedCache cache = model.CreateCache(128);
            using CachedSequence sequence = cache.CreateSequence();
            using StepBatch batch = model.CreateBatch(cache);
            batch.Add(sequence, [5, 6, 7, 8], RowKind.Prefill);
            model.Forward(batch, cancellation);
            if (hasOthers)
            {
                using CachedSequence another = cache.CreateSequence();
                using StepBatch other = model.CreateBatch(cache);
                GoldenRun.Feed(model, other, another, [9, 10, 11]);
            }
            return model.Draft(batch, [6, 7, 8, 9], cancellation)[0].ToArray();
        }
    }

    [Fact]
    public void Sizes_that_no_host_holds_are_refused_by_name()
    {
        const int most = 1 << 20;
        using TemporaryFolder folder = WithLongContext();
        using Device device = Device.Cpu(1);
        Refused(
            () =>
                DeepSeekModel.Load(
                    folder.Path,
                    device,
                    new ModelOptions { MaxStepTokens = most, MaxSequences = most }
                ),
            "MaxSequences"
        );
        Refused(
            () =>
                DeepSeekModel.Load(
                    folder.Path,
                    device,
                    new ModelOptions { MaxStepTokens = most, MaxLogitRows = most }
                ),
            "MaxLogitRows"
        );
        Refused(() => new ModelOptions { MaxStepTokens = most + 1 }, "MaxStepTokens");
        Refused(() => new ModelOptions { MaxSequences = most + 1 }, "MaxSequences");
        Refused(() => new ModelOptions { MaxLogitRows = most + 1 }, "MaxLogitRows");

        static void Refused(Func<object> use, string option) =>
            Assert.Contains(
                option,
                Assert.Throws<ArgumentOutOfRangeException>(use).Message,
                StringComparison.Ordinal
            );
    }

    private static TemporaryFolder WithLongContext()
    {
        var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        string path = folder.File("config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(path))!;
        config["max_position_embeddings"] = LongestContext;
        File.WriteAllText(path, config.ToJsonString());
        return folder;
    }

    private static float[][] Logits(
        DeepSeekModel model,
        StepBatch batch,
        ReadOnlySpan<int> tokens,
        ReadOnlySpan<int> then
    )
    {
        using CachedSequence sequence = batch.Cache.CreateSequence();
        return
        [
            GoldenRun.Feed(model, batch, sequence, tokens),
            GoldenRun.Feed(model, batch, sequence, then),
        ];
    }
}
