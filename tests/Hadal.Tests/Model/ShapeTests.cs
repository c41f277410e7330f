using Hadal.Caching;
using Hadal.Model;
using Hadal.Tests.Model.Reference;

namespace Hadal.Tests.Model;

/// <summary>Models of every published shape, with random weights, against the double-precision reference.</summary>
public sealed class ShapeTests(RandomModels models, ITestOutputHelper output)
    : IClassFixture<RandomModels>
{
    private const string Kimi = "kimi-k2-tiny";
    private const string Glm5Fp8 = "glm5-tiny-fp8";
    private const int Tokens = RandomModels.Tokens;

    // From here on an indexer leaves out so many tokens that hardly a wrong one chooses the same.
    private const int FirstSparse = 70;

    /// <summary>Without FP8.</summary>
    public static TheoryData<string, bool> Plain =>
        new() { { "moonlight-tiny", false }, { "glm-flash-tiny", false } };

    /// <summary>With FP8 in the caches, or in the weights too, with power-of-two scales.</summary>
    public static TheoryData<string, bool> Quantized =>
        new()
        {
            { "glm5-tiny", false },
            { Glm5Fp8, true },
            { Kimi, true },
        };

    public static TheoryData<string, bool> All =>
        [.. Plain, .. Quantized, new(Glm5Fp8, false), new(Kimi, false)];

    [Theory]
    [MemberData(nameof(Plain))]
    public void Float32_differs_by_the_order_of_sums(string preset, bool powersOfTwo)
    {
        foreach (PrefillForm form in (PrefillForm[])[PrefillForm.Absorbed, PrefillForm.Expanded])
        {
            double[][] errors = Float32Errors(preset, powersOfTwo, form);
            Assert.True(errors.Max(static e => e.Max()) <= 1e-5, $"{form}");
        }
    }

    // An FP8 code that is another one, as the sum before it had another order, changes the logits of its token and of all
    // that follow, by a hundredth and more. So a prompt agrees up to there, to the last digits, and some to their end;
    // with a wrong choice of tokens none would.
    [Theory]
    [MemberData(nameof(Quantized))]
    public void Float32_agrees_until_a_code_differs(string preset, bool powersOfTwo)
    {
        double[][] absorbed = Float32Errors(preset, powersOfTwo, PrefillForm.Absorbed);
        double[][] expanded = Float32Errors(preset, powersOfTwo, PrefillForm.Expanded);
        RequireLeading(absorbed);
        RequireLeading(expanded);
        int agreeing = absorbed
            .Concat(expanded)
            .Sum(static e => e[FirstSparse..].Count(static error => error <= 1e-3));
        Assert.True(agreeing >= 8, $"{agreeing} of the last tokens agree");
    }

    // Sums of products with such scales are never exact: codes differ too soon for the last tokens to agree.
    [Theory]
    [InlineData(Glm5Fp8)]
    [InlineData(Kimi)]
    public void Float32_agrees_with_general_scales(string preset) =>
        RequireLeading(Float32Errors(preset, false, PrefillForm.Absorbed));

    // The bounds of tests/goldens/README.md.
    [Theory]
    [MemberData(nameof(All))]
    public void BFloat16_is_as_close_as_the_reference(string preset, bool powersOfTwo)
    {
        string folder = models.Folder(preset, powersOfTwo);
        float[][][] exact = models.Logits(folder, ReferenceRun.Exact);
        double[] errors = [.. Errors(Run(folder, new ModelOptions()), exact).SelectMany(e => e)];
        double[] expected =
        [
            .. Errors(models.Logits(folder, new ReferenceRun { RoundsActivations = true }), exact)
                .SelectMany(static e => e),
        ];
        double median = GoldenRun.Median(errors) / GoldenRun.Median(expected);
        double mean = errors.Average() / expected.Average();
        output.WriteLine(
            $"median {GoldenRun.Median(errors):g3}, mean {errors.Average():g3}: {median:g3} and {mean:g3} times the reference's"
        );
        Assert.True(median <= 1.25, "median");
        Assert.True(mean <= 1.75, "mean");
    }

    [Theory]
    [MemberData(nameof(Plain))]
    [MemberData(nameof(Quantized))]
    public void Chunks_do_not_change_bits(string preset, bool powersOfTwo)
    {
        string folder = models.Folder(preset, powersOfTwo);
        var options = new ModelOptions();
        float[][][] whole = Run(folder, options, prompts: 2);
        Assert.Equal(whole, Run(folder, options, 33, prompts: 2));
        Assert.Equal(whole[..1], Run(folder, options, 1, RowKind.Decode, prompts: 1));
        options = options with { PrefillForm = PrefillForm.Expanded };
        Assert.Equal(Run(folder, options, prompts: 2), Run(folder, options, 33, prompts: 2));
    }

    private static void RequireLeading(double[][] errors)
    {
        int leading = errors.Sum(static e => e.TakeWhile(static error => error <= 1e-5).Count());
        Assert.True(leading >= 12, $"{leading} of the first tokens agree");
    }

    private double[][] Float32Errors(string preset, bool powersOfTwo, PrefillForm form)
    {
        string folder = models.Folder(preset, powersOfTwo);
        var options = new ModelOptions { Activations = ActivationMode.Float32, PrefillForm = form };
        double[][] errors = Errors(
            Run(folder, options),
            models.Logits(folder, new ReferenceRun { ExpandsKeys = form == PrefillForm.Expanded })
        );
        foreach (double[] e in errors)
            output.WriteLine(
                $"{form}: {e.TakeWhile(static x => x <= 1e-5).Count()} leading, {e[FirstSparse..].Count(static x => x <= 1e-3)} last agree; median {GoldenRun.Median(e):g3} max {e.Max():g3}"
            );
        return errors;
    }

    /// <returns>The logits after each token, [prompts][tokens][vocabulary].</returns>
    private static float[][][] Run(
        string folder,
        ModelOptions options,
        int chunk = Tokens,
        RowKind kind = RowKind.Prefill,
        int prompts = int.MaxValue
    )
    {
        using var device = Device.Cpu();
        using DeepSeekModel model = DeepSeekModel.Load(
            folder,
            device,
            options with
            {
                MaxStepTokens = chunk,
                MaxLogitRows = chunk,
            },
            cancellationToken: TestContext.Current.CancellationToken
        );
        using PagedCache cache = model.CreateCache(Tokens);
        using StepBatch batch = model.CreateBatch(cache);
        var logits = new List<float[][]>();
        foreach (int[] ids in RandomModels.Ids(model.Config.VocabSize).Take(prompts))
        {
            using CachedSequence sequence = cache.CreateSequence();
            var rows = new List<float[]>();
            foreach (int[] part in ids.Chunk(chunk))
            {
                batch.Clear();
                batch.Add(sequence, part, kind, LogitRows.All);
                Logits made = model.Forward(batch, TestContext.Current.CancellationToken);
                for (int i = 0; i < part.Length; i++)
                    rows.Add(made[i].ToArray());
            }
            logits.Add([.. rows]);
        }
        return [.. logits];
    }

    /// <returns>[prompts][tokens].</returns>
    private static double[][] Errors(float[][][] logits, float[][][] expected) =>
        [
            .. logits.Zip(
                expected,
                static (made, wanted) =>
                    made.Zip(wanted, static (a, b) => GoldenRun.Error(a, b)).ToArray()
            ),
        ];
}
