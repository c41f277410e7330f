using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>A token's logits are bitwise the same whatever the threads, the batch, or the chunks of its prompt.</summary>
public sealed class DeterminismTests
{
    private const int PromptLength = 170;
    private const int Continuation = 3;

    public static TheoryData<string, ActivationMode> Models =>
        new()
        {
            { "kjv-shakespeare", ActivationMode.BFloat16 },
            { "kjv-shakespeare", ActivationMode.Float32 },
            { "random-v3", ActivationMode.BFloat16 },
        };

    [Theory]
    [MemberData(nameof(Models))]
    public void Threads_do_not_change_bits(string name, ActivationMode mode)
    {
        float[][] expected = RunAlone(name, mode, threads: 1, chunk: int.MaxValue);
        foreach (int threads in new[] { 2, 5 })
            Assert.Equal(expected, RunAlone(name, mode, threads, chunk: int.MaxValue));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Chunks_do_not_change_bits(string name, ActivationMode mode)
    {
        float[][] expected = RunAlone(name, mode, threads: 2, chunk: int.MaxValue);
        foreach (int chunk in new[] { 1, 7, 64 })
            Assert.Equal(expected, RunAlone(name, mode, threads: 2, chunk));
    }

    [Theory]
    [InlineData(PrefillForm.Expanded)]
    [InlineData(PrefillForm.ByPosition)]
    public void Chunks_do_not_change_bits_in_expanded_form(PrefillForm form)
    {
        var options = new ModelOptions { MaxStepTokens = 1024, PrefillForm = form };
        float[][] expected = RunAlone("kjv-shakespeare", options, threads: 2, int.MaxValue);
        foreach (int chunk in new[] { 1, 7, 64, 100 })
            Assert.Equal(expected, RunAlone("kjv-shakespeare", options, threads: 2, chunk));
    }

    [Fact]
    public void Form_by_position_changes_at_twice_the_tokens_kept()
    {
        var expanded = new ModelOptions
        {
            MaxStepTokens = 1024,
            MaxLogitRows = 1024,
            PrefillForm = PrefillForm.Expanded,
        };
        float[][] whole = AllRows(expanded);
        float[][] byPosition = AllRows(expanded with { PrefillForm = PrefillForm.ByPosition });
        int change = 2 * 64; // The model keeps 64.
        Assert.Equal(whole[..change], byPosition[..change]);
        Assert.NotEqual(whole[change], byPosition[change]);
    }

    [Theory]
    [InlineData("kjv-shakespeare", PrefillForm.Expanded)]
    [InlineData("kjv-shakespeare", PrefillForm.ByPosition)]
    [InlineData("random-v3", PrefillForm.Expanded)]
    [InlineData("random-v3", PrefillForm.ByPosition)]
    public void Batch_does_not_change_bits_in_expanded_form(string name, PrefillForm form) =>
        CompareBatch(name, new ModelOptions { MaxStepTokens = 1024, PrefillForm = form });

    [Theory]
    [MemberData(nameof(Models))]
    public void Batch_does_not_change_bits(string name, ActivationMode mode) =>
        CompareBatch(name, new ModelOptions { Activations = mode, MaxStepTokens = 1024 });

    private static void CompareBatch(string name, ModelOptions options)
    {
        using DeepSeekModel model = TestModels.Load(name, options, threads: 2);
        float[][] alone = [.. Enumerable.Range(0, 16).Select(i => Alone(model, i, i % 2 == 1))];
        using PagedCache cache = model.CreateCache(16 * 256);
        using StepBatch batch = model.CreateBatch(cache);
        CachedSequence[] sequences =
        [
            .. Enumerable.Range(0, 16).Select(_ => cache.CreateSequence()),
        ];
        // Odd sequences have all but their last token in the cache, so that the step mixes prompts and decodes.
        for (int i = 1; i < 16; i += 2)
            GoldenRun.Feed(model, batch, sequences[i], PromptOf(model, i).AsSpan(..^1));
        batch.Clear();
        for (int i = 0; i < 16; i++)
            batch.Add(
                sequences[i],
                i % 2 == 0 ? PromptOf(model, i) : PromptOf(model, i).AsSpan(^1..),
                i % 2 == 0 ? RowKind.Prefill : RowKind.Decode
            );
        var logits = model.Forward(batch, TestContext.Current.CancellationToken);
        for (int i = 0; i < 16; i++)
            Assert.Equal(alone[i], logits[i].ToArray());
    }

    private static float[] Alone(DeepSeekModel model, int i, bool decodesLast)
    {
        using PagedCache cache = model.CreateCache(256);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        int[] prompt = PromptOf(model, i);
        if (decodesLast)
            GoldenRun.Feed(model, batch, sequence, prompt.AsSpan(..^1));
        return GoldenRun.Feed(
            model,
            batch,
            sequence,
            prompt.AsSpan(decodesLast ? ^1.. : ..),
            kind: decodesLast ? RowKind.Decode : RowKind.Prefill
        );
    }

    private static float[][] RunAlone(string name, ActivationMode mode, int threads, int chunk) =>
        RunAlone(
            name,
            new ModelOptions { Activations = mode, MaxStepTokens = 1024 },
            threads,
            chunk
        );

    private static float[][] RunAlone(string name, ModelOptions options, int threads, int chunk)
    {
        using DeepSeekModel model = TestModels.Load(name, options, threads);
        using PagedCache cache = model.CreateCache(256);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        int[] tokens = Tokens(model, PromptLength + Continuation, seed: 7);
        var logits = new List<float[]>
        {
            GoldenRun.Feed(model, batch, sequence, tokens.AsSpan(0, PromptLength), chunk),
        };
        for (int i = PromptLength; i < tokens.Length; i++)
            logits.Add(GoldenRun.Feed(model, batch, sequence, tokens.AsSpan(i, 1)));
        return [.. logits];
    }

    // The logits of every token of a prompt of the embedded model.
    private static float[][] AllRows(ModelOptions options)
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare", options, threads: 2);
        using PagedCache cache = model.CreateCache(256);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        batch.Add(sequence, Tokens(model, PromptLength, seed: 7), RowKind.Prefill, LogitRows.All);
        var logits = model.Forward(batch, TestContext.Current.CancellationToken);
        var rows = new float[PromptLength][];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = logits[i].ToArray();
        return rows;
    }

    private static int[] PromptOf(DeepSeekModel model, int i) => Tokens(model, 1 + i * 10, seed: i);

    private static int[] Tokens(DeepSeekModel model, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(model.Config.VocabSize))];
    }
}
