using System.Text.Json.Nodes;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Cli.Synthesis;
using Hadal.Model;
using Hadal.Tensors;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;
using Hadal.Tests.Model.Reference;
using Hadal.Tokenization;

namespace Hadal.Tests.Cli;

public sealed class SynthCommandTests
{
    /// <summary>The embedded model's configuration: dense and expert layers, indexer, multi-token prediction.</summary>
    private static string SmallConfig { get; } = Path.Combine(Paths.EmbeddedModel, "config.json");

    private static async Task<string> SynthAsync(
        TemporaryFolder parent,
        string name,
        params string[] args
    )
    {
        string folder = parent.File(name);
        CliResult result = await CliResult.RunAsync(["synth", folder, .. args]);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Status);
        return folder;
    }

    [Fact]
    public async Task ItDecodesAndChoosesAmongTokensAndExperts()
    {
        using var parent = new TemporaryFolder();
        string folder = await SynthAsync(parent, "m", "--config", SmallConfig);
        using var device = Device.Cpu();
        using DeepSeekModel model = DeepSeekModel.Load(
            folder,
            device,
            new ModelOptions { MaxStepTokens = 160, IndexTopK = 64 }
        );
        using PagedCache cache = model.CreateCache(161);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        int[] tokens = [.. Enumerable.Range(0, 161).Select(i => i * 37 % model.Config.VocabSize)];
        batch.Add(sequence, tokens.AsSpan(0, 160), RowKind.Prefill);
        model.Forward(batch);
        batch.Clear();
        batch.Add(sequence, tokens.AsSpan(160), RowKind.Decode);
        batch.Trace = new ModelTrace();
        float[] logits = model.Forward(batch)[0].ToArray();

        Assert.All(logits, logit => Assert.InRange(logit, -100, 100));
        Assert.InRange(logits.Max() - logits.Min(), 2, 100);
        // Neither the first tokens, nor the last, nor the same in every layer.
        int[][] chosen = [.. batch.Trace.Layers.Values.Select(layer => layer.Index!)];
        Assert.All(chosen, c => Assert.InRange(c.Average(), 40, 120));
        Assert.Equal(chosen.Length, chosen.Select(c => string.Join(' ', c)).Distinct().Count());
        int[][] experts =
        [
            .. batch.Trace.Layers.Values.Where(l => l.Experts is not null).Select(l => l.Experts!),
        ];
        Assert.True(experts.SelectMany(e => e).Distinct().Count() > experts[0].Length);
    }

    [Fact]
    public async Task EveryIdHasATextWithATokenizer()
    {
        using var parent = new TemporaryFolder();
        using var models = new ChatModels();
        string folder = await SynthAsync(
            parent,
            "m",
            "--config",
            Path.Combine(models.V32, "config.json"),
            "--tokenizer",
            Paths.EmbeddedModel
        );
        var tokenizer = DeepSeekTokenizer.Load(folder);
        string[] texts =
        [
            .. Enumerable.Range(0, ChatModels.VocabularySize).Select(id => tokenizer.Decode([id])),
        ];
        Assert.DoesNotContain("", texts);
        var embedded = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
        const string text = "In the beginning <｜User｜>";
        Assert.Equal(embedded.Encode(text), tokenizer.Encode(text));
        // A text that no word of the tokenizer has.
        Assert.Equal(
            [ChatModels.VocabularySize - 1],
            tokenizer.Encode(texts[^1], addSpecialTokens: false, parseSpecialTokens: true)
        );

        (
            await CliResult.RunAsync(
                "synth",
                parent.File("n"),
                "--config",
                SmallConfig,
                "--tokenizer",
                parent.Path
            )
        ).MustRefuse(2, "--tokenizer", "tokenizer.json");
        (
            await CliResult.RunAsync(
                "synth",
                parent.File("n"),
                "--preset",
                "moonlight-tiny",
                "--tokenizer",
                Paths.EmbeddedModel
            )
        ).MustRefuse(1, "vocab_size is 512");
        Assert.False(Directory.Exists(parent.File("n")));
    }

    [Fact]
    public async Task TheSameSeedGivesTheSameBytesAndAnotherOthers()
    {
        using var parent = new TemporaryFolder();
        string[] args = ["--config", SmallConfig, "--layers", "2", "--experts", "8"];
        string first = await SynthAsync(parent, "first", args);
        string second = await SynthAsync(parent, "second", args);
        string other = await SynthAsync(parent, "other", [.. args, "--seed", "2"]);
        const string file = "model-00001-of-00001.safetensors";
        byte[] bytes = await File.ReadAllBytesAsync(
            Path.Combine(first, file),
            TestContext.Current.CancellationToken
        );
        Assert.Equal(
            bytes,
            await File.ReadAllBytesAsync(
                Path.Combine(second, file),
                TestContext.Current.CancellationToken
            )
        );
        Assert.NotEqual(
            bytes,
            await File.ReadAllBytesAsync(
                Path.Combine(other, file),
                TestContext.Current.CancellationToken
            )
        );
    }

    [Fact]
    public async Task ShardingChangesNoTensor()
    {
        using var parent = new TemporaryFolder();
        using Checkpoint whole = Checkpoint.Open(
            await SynthAsync(parent, "whole", "--config", SmallConfig)
        );
        using Checkpoint sharded = Checkpoint.Open(
            await SynthAsync(parent, "sharded", "--config", SmallConfig, "--shard-size", "2")
        );
        Assert.Single(whole.Files);
        Assert.True(sharded.Files.Count >= 6);
        foreach ((string name, TensorView tensor) in whole.Tensors)
            Assert.True(tensor.Bytes.SequenceEqual(sharded[name].Bytes), name);
    }

    [Theory]
    [InlineData("power-of-two")]
    [InlineData("general")]
    public async Task ALinearKeepsTheSizeOfItsInput(string scales)
    {
        using var parent = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(
            await SynthAsync(parent, "m", "--config", SmallConfig, "--scales", scales)
        );
        const string name = "model.layers.0.mlp.down_proj.weight";
        TensorView codes = checkpoint[name];
        TensorView scaleInv = checkpoint[$"{name}_scale_inv"];
        int rows = (int)codes.Shape[0];
        int columns = (int)codes.Shape[1];
        double squares = 0;
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                float scale = scaleInv.AsSpan<float>()[
                    row / 128 * (int)scaleInv.Shape[1] + column / 128
                ];
                double weight = E4M3.Decode(codes.Bytes[row * columns + column]) * scale;
                Assert.True(double.IsFinite(weight));
                squares += weight * weight;
            }
        }
        // Σ of a row's squares is what a product's variance is of its input's; scales are few and random.
        Assert.InRange(squares / rows, 0.5, 1.5);
        bool[] powers =
        [
            .. scaleInv
                .AsSpan<float>()
                .ToArray()
                .Select(s => (BitConverter.SingleToInt32Bits(s) & 0x7fffff) == 0),
        ];
        Assert.All(powers, power => Assert.Equal(scales == "power-of-two", power));
        Assert.NotEqual(
            scaleInv.AsSpan<float>().ToArray().Min(),
            scaleInv.AsSpan<float>().ToArray().Max()
        );
    }

    [Fact]
    public void CodesAreTheNearest()
    {
        // All but NaN.
        double[] values =
        [
            .. Enumerable.Range(0, 255).Select(code => code == 0x7f ? 0 : E4M3.Decode((byte)code)),
        ];
        var random = new Random(1);
        for (int i = 0; i < 10_000; i++)
        {
            float x = (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-10, 10)));
            double nearest = values.Min(v => Math.Abs(v - x));
            Assert.Equal(nearest, Math.Abs(values[Encoding.E4M3(x)] - x));
        }
        // Ties go to the even code: 17 and 19 lie between 16, 18 and 20.
        Assert.Equal(16, values[Encoding.E4M3(17)]);
        Assert.Equal(20, values[Encoding.E4M3(19)]);
    }

    [Fact]
    public async Task MemoryDoesNotGrowWithTheCheckpoint()
    {
        using var parent = new TemporaryFolder();
        string folder = parent.File("m");
        Directory.CreateDirectory(folder);
        JsonObject config = Preset.Config(Preset.V3At800M);
        config["num_hidden_layers"] = 2;
        var checkpoint = new RandomCheckpoint(
            System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()),
            long.MaxValue
        );
        Assert.True(checkpoint.TotalBytes > 100_000_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        checkpoint.Write(folder, _ => { }, TestContext.Current.CancellationToken);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8_000_000);
    }

    [Theory]
    [InlineData(Preset.V3At800M, 0.78e9, 0.83e9)]
    [InlineData(Preset.TrueShape, 2.0e9, 2.6e9)]
    [InlineData("moonlight", 1.3e9, 1.5e9)]
    [InlineData("glm-4.7-flash", 1.4e9, 1.6e9)]
    [InlineData("moonlight-tiny", 1e6, 4e7)]
    [InlineData("glm-flash-tiny", 1e6, 4e7)]
    [InlineData("kimi-k2-tiny", 1e6, 5e7)]
    [InlineData("glm5-tiny", 1e6, 4e7)]
    [InlineData("glm5-tiny-fp8", 1e6, 4e7)]
    public void PresetsAreOfTheirSize(string preset, double least, double most)
    {
        var checkpoint = new RandomCheckpoint(
            System.Text.Encoding.UTF8.GetBytes(Preset.Config(preset).ToJsonString()),
            long.MaxValue
        );
        Assert.InRange(checkpoint.TotalBytes, least, most);
    }

    // The tensors' types alone: what a linear in BF16 computes is ShapeTests' matter.
    [Fact]
    public void WithoutQuantizationLinearsAreInBFloat16()
    {
        using var parent = new TemporaryFolder();
        JsonObject config = Preset.Config(Preset.V3At800M);
        config.Remove("quantization_config");
        config["num_hidden_layers"] = 1;
        new RandomCheckpoint(
            System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()),
            long.MaxValue
        ).Write(parent.Path, _ => { }, TestContext.Current.CancellationToken);
        using var file = SafetensorsFile.Open(parent.File("model-00001-of-00001.safetensors"));
        Assert.DoesNotContain(file.Tensors.Keys, static name => name.EndsWith("_scale_inv"));
        const string linear = "model.layers.0.self_attn.q_b_proj.weight";
        Assert.Equal(DType.BF16, file[linear].DType);
        double[] weights = ReferenceLinear.Expand(file[linear]);
        Assert.InRange(weights.Sum(static w => w * w) / file[linear].Shape[0], 0.9, 1.1);
    }

    [Fact]
    public async Task FewerLayersKeepTheFirstKinds()
    {
        using var parent = new TemporaryFolder();
        JsonObject config = JsonNode
            .Parse(await File.ReadAllTextAsync(SmallConfig, TestContext.Current.CancellationToken))!
            .AsObject();
        int layers = config["num_hidden_layers"]!.GetValue<int>();
        string[] kinds = [.. Enumerable.Repeat("full", layers)];
        config["indexer_types"] = new JsonArray([.. kinds.Select(k => JsonValue.Create(k))]);
        string path = parent.File("config.json");
        await File.WriteAllTextAsync(
            path,
            config.ToJsonString(),
            TestContext.Current.CancellationToken
        );
        string folder = await SynthAsync(parent, "m", "--config", path, "--layers", "2");
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        Assert.Equal(2, checkpoint.Config.NumHiddenLayers);
    }

    [Fact]
    public async Task WhatIsThereStays()
    {
        using var parent = new TemporaryFolder();
        string folder = await SynthAsync(
            parent,
            "m",
            "--config",
            SmallConfig,
            "--layers",
            "1",
            "--experts",
            "8"
        );
        CliResult again = await CliResult.RunAsync("synth", folder, "--config", SmallConfig);
        again.MustRefuse(2, folder, "exists already");
        Checkpoint.Open(folder).Dispose();
    }

    [Fact]
    public async Task ABadConfigurationIsRefusedAndNothingWritten()
    {
        using var parent = new TemporaryFolder();
        string folder = parent.File("m");
        string config = parent.File("config.json");
        JsonObject fields = Preset.Config(Preset.V3At800M);
        fields["hidden_size"] = 1000;
        await RefuseAsync("hidden_size", "1000", "multiple of 128");

        await File.WriteAllTextAsync(config, "{", TestContext.Current.CancellationToken);
        CliResult broken = await CliResult.RunAsync("synth", folder, "--config", config);
        broken.MustRefuse(1, config, "is broken");

        async Task RefuseAsync(params string[] parts)
        {
            await File.WriteAllTextAsync(
                config,
                fields.ToJsonString(),
                TestContext.Current.CancellationToken
            );
            CliResult result = await CliResult.RunAsync("synth", folder, "--config", config);
            result.MustRefuse(1, parts);
            Assert.False(Path.Exists(folder));
        }
    }

    [Fact]
    public async Task WrongUsageIsRefused()
    {
        using var parent = new TemporaryFolder();
        string folder = parent.File("m");
        (await CliResult.RunAsync("synth", folder)).MustRefuse(2, "--config", "--preset");
        (await CliResult.RunAsync("synth", folder, "--preset", "huge")).MustRefuse(
            2,
            "huge",
            string.Join(", ", Preset.Names)
        );
        (
            await CliResult.RunAsync("synth", folder, "--preset", "v3-800m", "--scales", "big")
        ).MustRefuse(2, "--scales", "big", "general");
        Assert.False(Path.Exists(folder));
    }
}
