using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>Several drafts after a step, of which the predictor takes its own output for the later ones.</summary>
public sealed class RecycledDraftTests(ITestOutputHelper output) : IDisposable
{
    private const int Sequences = 8;
    private const int Most = 3;

    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { LoadPredictor = true }
    );

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Drafts_of_held_out_text_are_often_right()
    {
        const int start = 128;
        const int steps = 60;
        using SafetensorsFile file = SafetensorsFile.Open(
            Path.Combine(Paths.EmbeddedModel, "held.ids.safetensors")
        );
        int[] ids = file["ids"].AsSpan<int>().ToArray();
        using PagedCache cache = _model.CreateCache(Sequences * 256);
        using StepBatch batch = _model.CreateBatch(cache);
        CachedSequence[] sequences =
        [
            .. Enumerable.Range(0, Sequences).Select(_ => cache.CreateSequence()),
        ];
        int[] rows = [.. Enumerable.Range(0, Sequences)];
        int[] right = new int[Most];
        int[] asked = new int[Most];
        for (int i = 0; i < Sequences; i++)
        {
            batch.Clear();
            batch.Add(sequences[i], Text(i).AsSpan(0, start), RowKind.Prefill, LogitRows.None);
            _model.Forward(batch, Cancellation);
            _model.Draft(batch, Text(i).AsSpan(1, start), Cancellation);
        }
        for (int step = start; step < start + steps; step++)
        {
            batch.Clear();
            for (int i = 0; i < Sequences; i++)
                batch.Add(sequences[i], Text(i).AsSpan(step, 1), RowKind.Decode);
            _model.Forward(batch, Cancellation);
            var drafts = new int[Sequences * Most];
            int[] next = [.. Enumerable.Range(0, Sequences).Select(i => Text(i)[step + 1])];
            Logits logits = _model.Draft(batch, next, Cancellation);
            for (int j = 0; ; j++)
            {
                for (int i = 0; i < Sequences; i++)
                    drafts[i * Most + j] = Best(logits[i]);
                if (j == Most - 1)
                    break;
                batch.Clear();
                for (int i = 0; i < Sequences; i++)
                    batch.Add(sequences[i], drafts.AsSpan(i * Most + j, 1), RowKind.Decode);
                logits = _model.DraftNext(batch, rows);
            }
            foreach (CachedSequence sequence in sequences)
                sequence.Truncate(step + 1);
            for (int i = 0; i < Sequences; i++)
            {
                for (int j = 0; j < Most; j++)
                {
                    asked[j]++;
                    if (drafts[i * Most + j] != Text(i)[step + 2 + j])
                        break;
                    right[j]++;
                }
            }
        }
        double[] share = [.. right.Select((count, j) => count / (double)asked[j])];
        output.WriteLine(
            $"right given that those before are: {string.Join(", ", share.Select(s => $"{s:f3}"))}"
        );
        Assert.InRange(share[0], 0.3, 1);
        // Without the recycled output they are right in a fifth of the cases.
        Assert.InRange(share[1], 0.27, 1);

        static int Best(ReadOnlySpan<float> logits)
        {
            int best = 0;
            for (int i = 1; i < logits.Length; i++)
                best = logits[i] > logits[best] ? i : best;
            return best;
        }

        int[] Text(int i) => ids[(i * 256)..((i + 1) * 256)];
    }
}
