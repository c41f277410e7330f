using Hadal.Caching;
using Hadal.Model;
using Hadal.Tests.Model;

namespace Hadal.Tests.Cuda;

/// <summary>
/// The model on a CUDA device. Few steps, as the emulated device takes a second for each; with HADAL_CUDA_GOLDENS=1 all
/// steps of more prompts.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class CudaModelTests(ITestOutputHelper output)
{
    private static readonly bool All =
        Environment.GetEnvironmentVariable("HADAL_CUDA_GOLDENS") == "1";

    public static TheoryData<string, int, int> Goldens =>
        All
            ? new()
            {
                { "random-a", 1, 6 },
                { "random-a", 65, 6 },
                { "random-a", 200, 6 },
                { "random-v3", 65, 6 },
                { "kjv-shakespeare", 20, 32 },
                { "kjv-shakespeare", 100, 32 },
            }
            : new() { { "random-v3", 1, 3 }, { "kjv-shakespeare", 20, 4 } };

    [Theory]
    [MemberData(nameof(Goldens))]
    public void ReproducesTheReference(string name, int prompt, int steps)
    {
        using Device device = CudaDevice.OpenOrSkip();
        using DeepSeekModel model = Load(name, device);
        using DeepSeekModel onCpu = TestModels.Load(name, new ModelOptions());
        var run = GoldenRun.Of(model, name, prompt, steps);
        var expected = GoldenRun.Of(onCpu, name, prompt, steps);
        output.WriteLine(
            $"{name} prompt {prompt}, {steps} steps on {device}: mean {run.Errors.Average():g3}, on the CPU "
                + $"{expected.Errors.Average():g3}; reference bf16 mean {run.ReferenceErrors.Average():g3}"
        );
        Assert.True(
            run.Errors.Average() <= 1.75 * run.ReferenceErrors.Average(),
            $"mean {run.Errors.Average():g3}, the reference's {run.ReferenceErrors.Average():g3}"
        );
        if (run.IndexOverlaps.Count != 0)
            Assert.True(
                run.IndexOverlaps.Average() >= 0.93,
                $"index overlap {run.IndexOverlaps.Average():g4}"
            );
        Assert.Empty(run.WrongTokens);
    }

    [Fact]
    public void AReplayedStepHasTheBitsOfOneThatIsNot()
    {
        using Device device = CudaDevice.OpenOrSkip();
        using DeepSeekModel model = Load("random-a", device);
        (float[][] Logits, int Recorded, long Allocated) replayed = Decode(model);
        (float[][] Logits, int Recorded, long Allocated) direct = Decode(model, new ModelTrace());
        Assert.Equal(direct.Logits, replayed.Logits);
        // Two sequences, whose block table grows from one page to two for the first, then that one alone.
        Assert.Equal((3, 0), (replayed.Recorded, direct.Recorded));
        Assert.Equal(0, replayed.Allocated);
    }

    /// <summary>A larger cache brings another table of cosines; the recorded step keeps its own.</summary>
    [Fact]
    public void AStepRecordedBeforeALargerCacheKeepsItsBits()
    {
        using Device device = CudaDevice.OpenOrSkip();
        using DeepSeekModel model = Load("random-a", device);
        using PagedCache cache = model.CreateCache(64);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        float[][] recorded = [.. Enumerable.Range(5, 3).Select(Step)];
        sequence.Truncate(0);
        Assert.Equal(recorded[0], Step(5));
        long memory = model.MemoryBytes;
        using PagedCache larger = model.CreateCache(256);
        using StepBatch another = model.CreateBatch(larger);
        Assert.True(model.MemoryBytes > memory);
        Assert.Equal(recorded[1..], [Step(6), Step(7)]);
        Assert.Equal(1, batch.Recorded.Count);

        float[] Step(int token) => GoldenRun.Feed(model, batch, sequence, [token]);
    }

    [Fact]
    public void Float32IsRefusedByName()
    {
        using Device device = CudaDevice.OpenOrSkip();
        var options = new ModelOptions { Activations = ActivationMode.Float32 };
        ArgumentException error = Assert.Throws<ArgumentException>(() =>
            DeepSeekModel.Load(TestModels.Folder("random-a"), device, options)
        );
        Assert.Contains("Activations is Float32", error.Message, StringComparison.Ordinal);
        Assert.Contains("must be BFloat16", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WeightsAreUploadedWithProgress()
    {
        using Device device = CudaDevice.OpenOrSkip();
        var reports = new Reports();
        using DeepSeekModel model = DeepSeekModel.Load(
            TestModels.Folder("random-a"),
            device,
            Small,
            reports,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(reports.Last.BytesTotal, reports.Last.BytesDone);
        Assert.Equal(reports.Last.TensorsTotal, reports.Count);
        Assert.True(model.MemoryBytes > reports.Last.BytesTotal);
    }

    private static ModelOptions Small => new() { MaxStepTokens = 64, MaxContextTokens = 256 };

    private static DeepSeekModel Load(string name, Device device) =>
        DeepSeekModel.Load(
            TestModels.Folder(name),
            device,
            Small,
            cancellationToken: TestContext.Current.CancellationToken
        );

    /// <summary>Decodes a few steps; allocated is what the last of them took of the managed heap.</summary>
    private static (float[][] Logits, int Recorded, long Allocated) Decode(
        DeepSeekModel model,
        ModelTrace? trace = null
    )
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        // Larger than the longest context: upstream's sparse prefill wants scratch for all of it.
        using PagedCache cache = model.CreateCache(1024);
        using CachedSequence first = cache.CreateSequence();
        using CachedSequence second = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        batch.Trace = trace;
        batch.Add(first, [.. Enumerable.Range(3, 61)], RowKind.Prefill);
        batch.Add(second, [7, 8], RowKind.Prefill);
        model.Forward(batch, token);
        var logits = new List<float[]>();
        long allocated = 0;
        for (int step = 0; step < 6; step++)
        {
            batch.Clear();
            batch.Add(first, [100 + step], RowKind.Decode);
            if (step < 4)
                batch.Add(second, [200 + step], RowKind.Decode);
            long before = GC.GetAllocatedBytesForCurrentThread();
            var rows = model.Forward(batch, token);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            for (int row = 0; row < rows.Count; row++)
                logits.Add(rows[row].ToArray());
        }
        return ([.. logits], batch.Recorded.Count, allocated);
    }

    private sealed class Reports : IProgress<LoadProgress>
    {
        public int Count { get; private set; }

        public LoadProgress Last { get; private set; }

        public void Report(LoadProgress value)
        {
            Count++;
            Last = value;
        }
    }
}
