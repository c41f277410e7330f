using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>The trained model's loss on held-out text is what its README.md says, sparse and dense.</summary>
public sealed class PerplexityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(64, 256, null, 3.40605)]
    [InlineData(32, 1024, null, 3.64411)]
    [InlineData(32, 1024, 1024, 3.74830)]
    public void Loss_is_the_references(int windows, int length, int? topK, double expected)
    {
        using SafetensorsFile file = SafetensorsFile.Open(
            Path.Combine(Paths.EmbeddedModel, "held.ids.safetensors")
        );
        ReadOnlySpan<int> ids = file["ids"].AsSpan<int>();
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions
            {
                MaxStepTokens = 512,
                MaxLogitRows = 512,
                IndexTopK = topK,
            }
        );
        double sum = 0;
        for (int i = 0; i < windows; i++)
            sum += LossOf(model, ids.Slice(i * length, length));
        double loss = sum / (windows * (length - 1));
        output.WriteLine($"loss {loss:f5}, expected {expected:f5}");
        Assert.InRange(loss, expected - 0.01, expected + 0.01);
    }

    private static double LossOf(DeepSeekModel model, ReadOnlySpan<int> ids)
    {
        using PagedCache cache = model.CreateCache(ids.Length);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        double sum = 0;
        while (sequence.Length < ids.Length)
        {
            int start = sequence.Length;
            batch.Clear();
            batch.Add(
                sequence,
                ids.Slice(start, Math.Min(512, ids.Length - start)),
                RowKind.Prefill,
                LogitRows.All
            );
            Logits logits = model.Forward(batch, TestContext.Current.CancellationToken);
            for (int i = 0; i < logits.Count && start + i + 1 < ids.Length; i++)
                sum += Loss(logits[i], ids[start + i + 1]);
        }
        return sum;
    }

    internal static double Loss(ReadOnlySpan<float> logits, int token)
    {
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp(logit - logits[token]);
        return Math.Log(sum);
    }
}
