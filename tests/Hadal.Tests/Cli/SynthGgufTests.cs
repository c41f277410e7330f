using System.Text.Json.Nodes;
using Hadal.Checkpoints;
using Hadal.Cli.Gguf;
using Hadal.Cli.Synthesis;
using Hadal.Tensors;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;

namespace Hadal.Tests.Cli;

/// <summary><c>hadal synth --gguf</c>, read back by a reader of its own and held to the checkpoint beside it.</summary>
public sealed class SynthGgufTests
{
    private static string SmallConfig { get; } = Path.Combine(Paths.EmbeddedModel, "config.json");

    /// <summary>Three layers, the first dense; 4 heads, 4 index heads, 16 experts; one layer of multi-token prediction.</summary>
    private static async Task<(Checkpoint Checkpoint, GgufFile File)> SynthAsync(
        TemporaryFolder parent,
        params string[] args
    )
    {
        string folder = parent.File("m");
        string gguf = parent.File("m.gguf");
        CliResult result = await CliResult.RunAsync([
            "synth",
            folder,
            "--config",
            SmallConfig,
            "--layers",
            "3",
            "--gguf",
            gguf,
            .. args,
        ]);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Status);
        return (Checkpoint.Open(folder), new GgufFile(gguf));
    }

    [Theory]
    [InlineData("power-of-two")]
    [InlineData("general")]
    public async Task TheFileHasTheCheckpointsWeights(string scales)
    {
        using var parent = new TemporaryFolder();
        (Checkpoint checkpoint, GgufFile file) = await SynthAsync(parent, "--scales", scales);
        using Checkpoint _ = checkpoint;
        Dictionary<string, Expected> expected = ExpectedTensors(checkpoint);
        Assert.Equal(expected.Keys.Order(), file.Tensors.Keys.Order());
        foreach ((string name, Expected tensor) in expected)
        {
            Assert.Equal(tensor.Dimensions, file.Tensors[name].Dimensions);
            bool plain = tensor.Dimensions.Length == 1 || name.Contains("ffn_gate_inp");
            Assert.Equal((name, plain ? 0u : 8u), (name, file.Tensors[name].Type));
            (float[] values, float[] tolerances) = file.Read(name);
            Assert.Equal(values.Length, tensor.Values.Length);
            for (int i = 0; i < values.Length; i++)
                Assert.True(
                    Math.Abs(values[i] - tensor.Values[i]) <= tolerances[i],
                    $"{name}[{i}]: {values[i]}, must be {tensor.Values[i]} ± {tolerances[i]}"
                );
        }
    }

    [Fact]
    public async Task KeysTellTheModel()
    {
        using var parent = new TemporaryFolder();
        (Checkpoint checkpoint, GgufFile file) = await SynthAsync(parent);
        using Checkpoint _ = checkpoint;
        var expected = new Dictionary<string, object>
        {
            ["general.architecture"] = "deepseek2",
            ["general.file_type"] = 7u,
            ["deepseek2.vocab_size"] = (uint)checkpoint.Config.VocabSize,
            ["deepseek2.context_length"] = 1024u,
            ["deepseek2.embedding_length"] = 256u,
            ["deepseek2.block_count"] = 3u,
            ["deepseek2.feed_forward_length"] = 768u,
            ["deepseek2.attention.head_count"] = 4u,
            ["deepseek2.attention.head_count_kv"] = 1u,
            ["deepseek2.attention.layer_norm_rms_epsilon"] = 1e-6f,
            ["deepseek2.attention.q_lora_rank"] = 128u,
            ["deepseek2.attention.kv_lora_rank"] = 512u,
            ["deepseek2.attention.key_length"] = 576u,
            ["deepseek2.attention.value_length"] = 512u,
            ["deepseek2.attention.key_length_mla"] = 192u,
            ["deepseek2.attention.value_length_mla"] = 128u,
            ["deepseek2.rope.dimension_count"] = 64u,
            ["deepseek2.rope.freq_base"] = 10000f,
            ["deepseek2.rope.scaling.type"] = "yarn",
            ["deepseek2.rope.scaling.factor"] = 4f,
            ["deepseek2.rope.scaling.original_context_length"] = 256u,
            ["deepseek2.rope.scaling.yarn_log_multiplier"] = 0.1f,
            ["deepseek2.leading_dense_block_count"] = 1u,
            ["deepseek2.expert_count"] = 16u,
            ["deepseek2.expert_used_count"] = 4u,
            ["deepseek2.expert_shared_count"] = 1u,
            ["deepseek2.expert_feed_forward_length"] = 128u,
            ["deepseek2.expert_weights_scale"] = 2.5f,
            ["deepseek2.expert_weights_norm"] = true,
            ["deepseek2.expert_gating_func"] = 2u,
            ["deepseek2.expert_group_count"] = 4u,
            ["deepseek2.expert_group_used_count"] = 2u,
            ["tokenizer.ggml.bos_token_id"] = 0u,
            ["tokenizer.ggml.eos_token_id"] = 1u,
        };
        foreach ((string key, object value) in expected)
            Assert.Equal((key, value), (key, file.Metadata[key]));
        Assert.DoesNotContain(file.Metadata.Keys, key => key.Contains("indexer"));
    }

    [Fact]
    public async Task EveryTokenHasATextOfItsOwn()
    {
        using var parent = new TemporaryFolder();
        (Checkpoint checkpoint, GgufFile file) = await SynthAsync(parent);
        using Checkpoint _ = checkpoint;
        object[] tokens = (object[])file.Metadata["tokenizer.ggml.tokens"];
        object[] kinds = (object[])file.Metadata["tokenizer.ggml.token_type"];
        Assert.Equal(checkpoint.Config.VocabSize, tokens.Length);
        Assert.Equal(tokens.Length, tokens.Distinct().Count());
        Assert.Equal(tokens.Length, kinds.Length);
        Assert.Equal(tokens.Length, ((object[])file.Metadata["tokenizer.ggml.scores"]).Length);
        Assert.Equal(["<s>", "</s>", "<0x00>"], tokens[..3]);
        Assert.Equal("<0xFF>", tokens[257]);
        Assert.Equal([3, 3, 6], kinds[..3]);
        // The bytes that are characters, as bytes; no text of a model is broken UTF-8.
        Assert.All(kinds[2..130], kind => Assert.Equal(6, kind));
        Assert.All(kinds[130..], kind => Assert.Equal(1, kind));
    }

    [Theory]
    [InlineData("deepseek32")]
    [InlineData("glm-dsa")]
    public async Task WithTheIndexerItsQueriesAndKeysAreAsTheArchitectureRotatesThem(string name)
    {
        using var parent = new TemporaryFolder();
        (Checkpoint checkpoint, GgufFile file) = await SynthAsync(
            parent,
            "--gguf-architecture",
            name
        );
        using Checkpoint _ = checkpoint;
        Assert.Equal(name, file.Metadata["general.architecture"]);
        Assert.Equal(4u, file.Metadata[$"{name}.attention.indexer.head_count"]);
        Assert.Equal(128u, file.Metadata[$"{name}.attention.indexer.key_length"]);
        Assert.Equal(64u, file.Metadata[$"{name}.attention.indexer.top_k"]);
        string key = $"{name}.rope.scaling.yarn_log_multiplier";
        Assert.Equal(name == "deepseek32", file.Metadata.ContainsKey(key));
        if (name == "glm-dsa")
            Assert.Equal(
                0.1 * Math.Log(4) + 1,
                (float)file.Metadata["glm-dsa.rope.scaling.attn_factor"],
                1e-6
            );

        const string source = "model.layers.2.self_attn.indexer";
        // What ik_llama.cpp multiplies the rotated part of queries and keys by: the factor above, and YaRN's own.
        float shorter = name == "glm-dsa" ? (float)(1 / Math.Pow(0.1 * Math.Log(4) + 1, 2)) : 1;
        RequireRows("attn_q_b.weight", $"{source}.wq_b.weight", 128, shorter);
        RequireRows("attn_k.weight", $"{source}.wk.weight", 256, 1);
        RequireRows("k_norm.weight", $"{source}.k_norm.weight", 1, shorter);
        RequireRows("k_norm.bias", $"{source}.k_norm.bias", 1, shorter);
        float[] proj = Weights(checkpoint, $"{source}.weights_proj.weight");
        (float[] stored, float[] bounds) = file.Read("blk.2.indexer.proj.weight");
        Assert.Equal([256, 4], file.Tensors["blk.2.indexer.proj.weight"].Dimensions);
        for (int i = 0; i < proj.Length; i++)
            Assert.InRange(stored[i], proj[i] - bounds[i], proj[i] + bounds[i]);

        void RequireRows(string tensor, string weight, int columns, float rotatedScale)
        {
            float[] all = Weights(checkpoint, weight);
            (float[] values, float[] tolerances) = file.Read($"blk.2.indexer.{tensor}");
            Assert.Equal(all.Length, values.Length);
            for (int i = 0; i < values.Length; i++)
            {
                int row = i / columns;
                int dimension = row % 128;
                // What turns together is i and i + 32 in the checkpoint, 2i and 2i + 1 in glm-dsa.
                int from =
                    name == "glm-dsa" && dimension < 64
                        ? row - dimension + dimension / 2 + dimension % 2 * 32
                        : row;
                float exact =
                    all[from * columns + i % columns] * (dimension < 64 ? rotatedScale : 1);
                float tolerance = tolerances[i] + 1e-6f * Math.Abs(exact);
                Assert.InRange(values[i], exact - tolerance, exact + tolerance);
            }
        }
    }

    [Fact]
    public void TheNearestOfABlocksCodesIsTaken()
    {
        var values = new float[64];
        for (int i = 0; i < 32; i++)
            values[i] = (i - 16) / 4f;
        var blocks = new byte[Q8Blocks.ByteLength(64)];
        blocks.AsSpan().Fill(0xff);
        Q8Blocks.Quantize(values, blocks);
        float scale = 4 / 127f;
        Assert.Equal(68, blocks.Length);
        Assert.Equal((Half)scale, BitConverter.ToHalf(blocks));
        for (int i = 0; i < 32; i++)
            Assert.Equal(Math.Round(values[i] / scale), (sbyte)blocks[2 + i]);
        Assert.All(blocks[34..], code => Assert.Equal(0, code)); // a block of zeros
    }

    [Fact]
    public async Task MemoryDoesNotGrowWithTheFile()
    {
        using var parent = new TemporaryFolder();
        string folder = parent.File("m");
        Directory.CreateDirectory(folder);
        JsonObject config = Preset.Config(Preset.V3At800M);
        config["num_hidden_layers"] = 2;
        new RandomCheckpoint(
            System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()),
            long.MaxValue
        ).Write(folder, _ => { }, TestContext.Current.CancellationToken);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using (
            GgufWriter writer = GgufModel.Create(
                parent.File("m.gguf"),
                checkpoint.Config,
                GgufArchitecture.DeepSeek32
            )
        )
        {
            Assert.True(writer.TotalBytes > 100_000_000);
            writer.Write(checkpoint, _ => { }, TestContext.Current.CancellationToken);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8_000_000);
    }

    [Fact]
    public void WhatIsCancelledLeavesNoFile()
    {
        using var parent = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        string path = parent.File("m.gguf");
        using var cancellation = new CancellationTokenSource();
        using (
            GgufWriter writer = GgufModel.Create(
                path,
                checkpoint.Config,
                GgufArchitecture.DeepSeek2
            )
        )
        {
            Assert.True(File.Exists(path));
            long written = 0;
            Assert.Throws<OperationCanceledException>(() =>
                writer.Write(
                    checkpoint,
                    bytes =>
                    {
                        written += bytes;
                        if (written > writer.TotalBytes / 2)
                            cancellation.Cancel();
                    },
                    cancellation.Token
                )
            );
            Assert.InRange(written, writer.TotalBytes / 2, writer.TotalBytes - 1);
        }
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task WhatCantBeDoneIsRefusedAndNothingIsLeft()
    {
        using var parent = new TemporaryFolder();
        string folder = parent.File("m");
        string gguf = parent.File("m.gguf");
        string config = parent.File("config.json");
        string[] small = ["--config", SmallConfig];
        await RefuseAsync(2, [.. small, "--gguf-architecture", "glm-dsa"], "--gguf");
        await RefuseAsync(
            2,
            [.. small, "--gguf", gguf, "--gguf-architecture", "llama"],
            "llama",
            "deepseek2, deepseek32, glm-dsa"
        );
        string lost = parent.File(Path.Combine("nowhere", "m.gguf"));
        await RefuseAsync(1, [.. small, "--gguf", lost], "nowhere");

        await RefuseConfigAsync(
            "deepseek_v3 has no indexer",
            "deepseek32",
            fields =>
            {
                fields["model_type"] = "deepseek_v3";
                foreach (string name in (string[])["index_head_dim", "index_n_heads", "index_topk"])
                    fields.Remove(name);
            }
        );
        await RefuseConfigAsync(
            "vocab_size is 257; for a GGUF file it must be 258",
            "deepseek2",
            fields => fields["vocab_size"] = 257
        );
        // 100 layers of 1024 experts are 3.4 TB.
        await RefuseConfigAsync(
            "disk",
            "deepseek2",
            fields =>
            {
                fields["num_hidden_layers"] = 100;
                fields["n_routed_experts"] = 1024;
                fields["hidden_size"] = 7168;
                fields["moe_intermediate_size"] = 2048;
            }
        );

        await File.WriteAllTextAsync(gguf, "mine", TestContext.Current.CancellationToken);
        CliResult again = await CliResult.RunAsync(["synth", folder, .. small, "--gguf", gguf]);
        again.MustRefuse(2, gguf, "exists already");
        Assert.False(Path.Exists(folder));
        Assert.Equal(
            "mine",
            await File.ReadAllTextAsync(gguf, TestContext.Current.CancellationToken)
        );

        async Task RefuseConfigAsync(string part, string architecture, Action<JsonObject> change)
        {
            JsonObject fields = Preset.Config(Preset.V3At800M);
            change(fields);
            await File.WriteAllTextAsync(
                config,
                fields.ToJsonString(),
                TestContext.Current.CancellationToken
            );
            string[] args =
            [
                "--config",
                config,
                "--gguf",
                gguf,
                "--gguf-architecture",
                architecture,
            ];
            await RefuseAsync(1, args, part);
        }

        async Task RefuseAsync(int status, string[] args, params string[] parts)
        {
            CliResult result = await CliResult.RunAsync(["synth", folder, .. args]);
            result.MustRefuse(status, parts);
            Assert.False(Path.Exists(folder));
            Assert.False(Path.Exists(gguf));
        }
    }

    /// <summary>Names, dimensions (innermost first) and values that the file must have, from the checkpoint.</summary>
    private static Dictionary<string, Expected> ExpectedTensors(Checkpoint checkpoint)
    {
        DeepSeekConfig config = checkpoint.Config;
        int hidden = config.HiddenSize;
        int heads = config.NumAttentionHeads;
        int experts = config.NRoutedExperts;
        int width = config.MoeIntermediateSize;
        var all = new Dictionary<string, Expected>();
        Add("token_embd.weight", "model.embed_tokens.weight", hidden, config.VocabSize);
        Add("output_norm.weight", "model.norm.weight", hidden);
        Add("output.weight", "lm_head.weight", hidden, config.VocabSize);
        for (int layer = 0; layer < 3; layer++)
        {
            string block = $"blk.{layer}";
            string from = $"model.layers.{layer}";
            string attention = $"{from}.self_attn";
            Add($"{block}.attn_norm.weight", $"{from}.input_layernorm.weight", hidden);
            Add($"{block}.ffn_norm.weight", $"{from}.post_attention_layernorm.weight", hidden);
            Add($"{block}.attn_q_a.weight", $"{attention}.q_a_proj.weight", hidden, 128);
            Add($"{block}.attn_q_a_norm.weight", $"{attention}.q_a_layernorm.weight", 128);
            Add($"{block}.attn_q_b.weight", $"{attention}.q_b_proj.weight", 128, heads * 192);
            Add(
                $"{block}.attn_kv_a_mqa.weight",
                $"{attention}.kv_a_proj_with_mqa.weight",
                hidden,
                576
            );
            Add($"{block}.attn_kv_a_norm.weight", $"{attention}.kv_a_layernorm.weight", 512);
            Add($"{block}.attn_output.weight", $"{attention}.o_proj.weight", heads * 128, hidden);
            float[] keyValues = Weights(checkpoint, $"{attention}.kv_b_proj.weight"); // [head, 256, 512]
            all.Add(
                $"{block}.attn_k_b.weight",
                new Expected(
                    [128, 512, heads],
                    index =>
                        keyValues[(index / 65536 * 256 + index % 128) * 512 + index / 128 % 512],
                    heads * 65536
                )
            );
            all.Add(
                $"{block}.attn_v_b.weight",
                new Expected(
                    [512, 128, heads],
                    index => keyValues[(index / 65536 * 256 + 128) * 512 + index % 65536],
                    heads * 65536
                )
            );
            if (layer == 0)
            {
                AddFeedForward(block, "", $"{from}.mlp", config.IntermediateSize);
                continue;
            }
            Add($"{block}.ffn_gate_inp.weight", $"{from}.mlp.gate.weight", hidden, experts);
            Add($"{block}.exp_probs_b.bias", $"{from}.mlp.gate.e_score_correction_bias", experts);
            AddFeedForward(block, "_shexp", $"{from}.mlp.shared_experts", width);
            foreach (string part in (string[])["gate", "up", "down"])
            {
                float[] stack =
                [
                    .. Enumerable
                        .Range(0, experts)
                        .SelectMany(e =>
                            Weights(checkpoint, $"{from}.mlp.experts.{e}.{part}_proj.weight")
                        ),
                ];
                long[] dimensions =
                    part == "down" ? [width, hidden, experts] : [hidden, width, experts];
                all.Add(
                    $"{block}.ffn_{part}_exps.weight",
                    new Expected(dimensions, index => stack[index], stack.Length)
                );
            }
        }
        return all;

        void AddFeedForward(string block, string suffix, string from, int inner)
        {
            Add($"{block}.ffn_gate{suffix}.weight", $"{from}.gate_proj.weight", hidden, inner);
            Add($"{block}.ffn_up{suffix}.weight", $"{from}.up_proj.weight", hidden, inner);
            Add($"{block}.ffn_down{suffix}.weight", $"{from}.down_proj.weight", inner, hidden);
        }

        void Add(string name, string weight, params long[] dimensions)
        {
            float[] values = Weights(checkpoint, weight);
            all.Add(name, new Expected(dimensions, index => values[index], values.Length));
        }
    }

    private static float[] Weights(Checkpoint checkpoint, string name)
    {
        TensorView tensor = checkpoint[name];
        if (tensor.DType == DType.F32)
            return tensor.AsSpan<float>().ToArray();
        if (tensor.DType == DType.BF16)
            return
            [
                .. tensor
                    .AsSpan<ushort>()
                    .ToArray()
                    .Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
            ];
        TensorView scales = checkpoint[$"{name}_scale_inv"];
        int columns = (int)tensor.Shape[1];
        int across = (int)scales.Shape[1];
        float[] scale = scales.AsSpan<float>().ToArray();
        return
        [
            .. tensor
                .Bytes.ToArray()
                .Select(
                    (code, i) =>
                        (float)E4M3.Decode(code)
                        * scale[i / columns / 128 * across + i % columns / 128]
                ),
        ];
    }

    private sealed record Expected(long[] Dimensions, Func<int, float> Value, int Count)
    {
        public float[] Values { get; } = [.. Enumerable.Range(0, Count).Select(Value)];
    }
}
