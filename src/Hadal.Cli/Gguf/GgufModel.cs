using Hadal.Checkpoints;

namespace Hadal.Cli.Gguf;

/// <summary>
/// A checkpoint's model as a GGUF file that llama.cpp and ik_llama.cpp load: matrices in Q8_0, norms, biases and the
/// router in f32. The keys are those that llama.cpp's own conversion writes; the vocabulary is a stand-in.
/// </summary>
internal static class GgufModel
{
    private const int SigmoidGating = 2;
    private const int MostlyQ8 = 7;
    private const int QuantizationVersion = 2;

    /// <summary>Creates the file and reserves its room; the weights are written by the writer that it gives.</summary>
    /// <param name="path">A file that does not exist yet.</param>
    /// <param name="config">The model.</param>
    /// <param name="architecture">What the file calls it.</param>
    /// <exception cref="CheckpointException">The architecture or the format can't express the model.</exception>
    /// <exception cref="IOException">The file can't be created, or the disk has no room for it.</exception>
    public static GgufWriter Create(
        string path,
        DeepSeekConfig config,
        GgufArchitecture architecture
    )
    {
        if (config.ModelType is not ("deepseek_v3" or "deepseek_v32") || config.QLoraRank is null)
            throw new CheckpointException(
                $"config.json: GGUF is written of deepseek_v3 and deepseek_v32 with a q_lora_rank, and this is a {config.ModelType}{(config.QLoraRank is null ? " without" : "")}"
            );
        if (architecture != GgufArchitecture.DeepSeek2 && config.Indexer is null)
            throw new CheckpointException(
                $"config.json: a {config.ModelType} has no indexer, and {Name(architecture)} must have one"
            );
        using var metadata = new GgufMetadata();
        metadata.Add("general.architecture", Name(architecture));
        metadata.Add("general.file_type", MostlyQ8);
        metadata.Add("general.quantization_version", QuantizationVersion);
        AddModel(metadata, config, architecture);
        GgufVocabulary.AddTo(metadata, config);
        return new GgufWriter(path, metadata, GgufTensors.List(config, architecture));
    }

    /// <summary>The architecture's name in the file.</summary>
    public static string Name(GgufArchitecture architecture) =>
        architecture switch
        {
            GgufArchitecture.DeepSeek32 => "deepseek32",
            GgufArchitecture.GlmDsa => "glm-dsa",
            _ => "deepseek2",
        };

    /// <summary>YaRN's m, whose square is in the scale of the softmax.</summary>
    public static float Magnitude(DeepSeekConfig config) =>
        MathF.Sqrt(config.SoftmaxScale * MathF.Sqrt(config.Attention.QueryHeadDim));

    private static void AddModel(
        GgufMetadata metadata,
        DeepSeekConfig config,
        GgufArchitecture architecture
    )
    {
        string name = Name(architecture);
        metadata.Add($"{name}.vocab_size", config.VocabSize);
        metadata.Add($"{name}.context_length", config.MaxPositionEmbeddings);
        metadata.Add($"{name}.embedding_length", config.HiddenSize);
        metadata.Add($"{name}.block_count", config.NumHiddenLayers);
        metadata.Add($"{name}.feed_forward_length", config.IntermediateSize);
        AddAttention(metadata, config, name);
        AddRotation(metadata, config, architecture);
        AddExperts(metadata, config, name);
        if (architecture == GgufArchitecture.DeepSeek2 || config.Indexer is not { } indexer)
            return;
        metadata.Add($"{name}.attention.indexer.head_count", indexer.NumHeads);
        metadata.Add($"{name}.attention.indexer.key_length", indexer.HeadDim);
        metadata.Add($"{name}.attention.indexer.top_k", indexer.TopK);
    }

    /// <summary>As the absorbed form has it: one key of latent and rotated dimensions, whose latent is the value too.</summary>
    private static void AddAttention(GgufMetadata metadata, DeepSeekConfig config, string name)
    {
        AttentionShape shape = config.Attention;
        metadata.Add($"{name}.attention.head_count", config.NumAttentionHeads);
        metadata.Add($"{name}.attention.head_count_kv", 1);
        metadata.Add($"{name}.attention.layer_norm_rms_epsilon", config.RmsNormEps);
        metadata.Add($"{name}.attention.q_lora_rank", config.QLoraRank!.Value);
        metadata.Add($"{name}.attention.kv_lora_rank", shape.LatentDim);
        metadata.Add($"{name}.attention.key_length", shape.CachedDim);
        metadata.Add($"{name}.attention.value_length", shape.LatentDim);
        metadata.Add($"{name}.attention.key_length_mla", shape.QueryHeadDim);
        metadata.Add($"{name}.attention.value_length_mla", shape.ValueDim);
    }

    private static void AddRotation(
        GgufMetadata metadata,
        DeepSeekConfig config,
        GgufArchitecture architecture
    )
    {
        string name = Name(architecture);
        metadata.Add($"{name}.rope.dimension_count", config.Attention.RopeDim);
        metadata.Add($"{name}.rope.freq_base", (float)config.RopeTheta);
        if (config.RopeScaling is not { Factor: > 1 } scaling)
            return;
        string prefix = $"{name}.rope.scaling";
        metadata.Add($"{prefix}.type", "yarn");
        metadata.Add($"{prefix}.factor", (float)scaling.Factor);
        metadata.Add($"{prefix}.original_context_length", scaling.OriginalMaxPositionEmbeddings);
        metadata.Add($"{prefix}.yarn_beta_fast", (float)scaling.BetaFast);
        metadata.Add($"{prefix}.yarn_beta_slow", (float)scaling.BetaSlow);
        // ik_llama.cpp reads no logarithm's weight for glm-dsa, but multiplies the softmax's scale by this factor squared.
        if (architecture == GgufArchitecture.GlmDsa)
            metadata.Add($"{prefix}.attn_factor", Magnitude(config));
        else
            metadata.Add($"{prefix}.yarn_log_multiplier", (float)(0.1 * scaling.MscaleAllDim));
    }

    private static void AddExperts(GgufMetadata metadata, DeepSeekConfig config, string name)
    {
        metadata.Add($"{name}.leading_dense_block_count", config.FirstKDenseReplace);
        metadata.Add($"{name}.expert_count", config.NRoutedExperts);
        metadata.Add($"{name}.expert_used_count", config.NumExpertsPerTok);
        metadata.Add($"{name}.expert_shared_count", config.NSharedExperts);
        metadata.Add($"{name}.expert_feed_forward_length", config.MoeIntermediateSize);
        metadata.Add($"{name}.expert_weights_scale", config.RoutedScalingFactor);
        metadata.Add($"{name}.expert_weights_norm", config.NormTopkProb);
        metadata.Add($"{name}.expert_gating_func", SigmoidGating);
        metadata.Add($"{name}.expert_group_count", config.NGroup);
        metadata.Add($"{name}.expert_group_used_count", config.TopkGroup);
    }
}
