using Hadal.Bindings;
using Hadal.Checkpoints;

namespace Hadal.Cli.Gguf;

/// <summary>
/// The one table of GGUF's names: every tensor that a model of some configuration and architecture has there. Layers of
/// multi-token prediction are left out.
/// </summary>
internal sealed class GgufTensors
{
    private readonly List<GgufTensor> _all = [];
    private readonly DeepSeekConfig _config;
    private readonly GgufArchitecture _architecture;

    private GgufTensors(DeepSeekConfig config, GgufArchitecture architecture)
    {
        _config = config;
        _architecture = architecture;
    }

    /// <summary>Lists the tensors.</summary>
    public static IReadOnlyList<GgufTensor> List(
        DeepSeekConfig config,
        GgufArchitecture architecture
    )
    {
        var tensors = new GgufTensors(config, architecture);
        const string embedding = "model.embed_tokens";
        int hidden = config.HiddenSize;
        tensors.Matrix("token_embd", embedding, config.VocabSize, hidden);
        for (int layer = 0; layer < config.NumHiddenLayers; layer++)
            tensors.AddLayer($"blk.{layer}", $"model.layers.{layer}", config.IsDense(layer));
        tensors.Vector("output_norm.weight", "model.norm.weight", hidden);
        tensors.Matrix(
            "output",
            config.TieWordEmbeddings ? embedding : "lm_head",
            config.VocabSize,
            hidden
        );
        return tensors._all;
    }

    private void AddLayer(string block, string layer, bool dense)
    {
        int hidden = _config.HiddenSize;
        Vector($"{block}.attn_norm.weight", $"{layer}.input_layernorm.weight", hidden);
        AddAttention(block, $"{layer}.self_attn");
        Vector($"{block}.ffn_norm.weight", $"{layer}.post_attention_layernorm.weight", hidden);
        if (dense)
            AddFeedForward(block, "", $"{layer}.mlp", _config.IntermediateSize);
        else
            AddExperts(block, $"{layer}.mlp");
    }

    private void AddAttention(string block, string name)
    {
        int hidden = _config.HiddenSize;
        int heads = _config.NumAttentionHeads;
        int rank = _config.QLoraRank!.Value;
        AttentionShape shape = _config.Attention;
        Matrix($"{block}.attn_q_a", $"{name}.q_a_proj", rank, hidden);
        Vector($"{block}.attn_q_a_norm.weight", $"{name}.q_a_layernorm.weight", rank);
        Matrix($"{block}.attn_q_b", $"{name}.q_b_proj", heads * shape.QueryHeadDim, rank);
        Matrix($"{block}.attn_kv_a_mqa", $"{name}.kv_a_proj_with_mqa", shape.CachedDim, hidden);
        Vector($"{block}.attn_kv_a_norm.weight", $"{name}.kv_a_layernorm.weight", shape.LatentDim);
        AddKeyValues(block, $"{name}.kv_b_proj.weight", heads);
        Matrix($"{block}.attn_output", $"{name}.o_proj", hidden, heads * shape.ValueDim);
        if (_architecture != GgufArchitecture.DeepSeek2 && _config.Indexer is { } indexer)
            AddIndexer($"{block}.indexer", $"{name}.indexer", indexer.NumHeads);
    }

    /// <summary>A head's rows are [nope, value]: the keys' part is stored for each latent dimension, the values' as it is.</summary>
    private void AddKeyValues(string block, string name, int heads)
    {
        AttentionShape shape = _config.Attention;
        int latent = shape.LatentDim;
        Add(
            $"{block}.attn_k_b.weight",
            GgufType.Q8,
            [shape.NopeDim, latent, heads],
            checkpoint =>
            {
                var source = new CheckpointMatrix(checkpoint, name);
                return (row, values) =>
                {
                    (long head, long dimension) = Math.DivRem(row, latent);
                    source.ReadColumn(head * shape.KeyValueHeadDim, (int)dimension, latent, values);
                };
            }
        );
        Add(
            $"{block}.attn_v_b.weight",
            GgufType.Q8,
            [latent, shape.ValueDim, heads],
            checkpoint =>
            {
                var source = new CheckpointMatrix(checkpoint, name);
                return (row, values) =>
                {
                    (long head, long value) = Math.DivRem(row, shape.ValueDim);
                    source.ReadRow(head * shape.KeyValueHeadDim + shape.NopeDim + value, values);
                };
            }
        );
    }

    private void AddIndexer(string block, string name, int heads)
    {
        const int dim = NativeMethods.HD_INDEX_DIM;
        Add(
            $"{block}.attn_q_b.weight",
            GgufType.Q8,
            [_config.QLoraRank!.Value, heads * dim],
            IndexRows($"{name}.wq_b.weight", IndexScale)
        );
        Add(
            $"{block}.attn_k.weight",
            GgufType.Q8,
            [_config.HiddenSize, dim],
            IndexRows($"{name}.wk.weight", static _ => 1)
        );
        AddIndexVector($"{block}.k_norm.weight", $"{name}.k_norm.weight");
        AddIndexVector($"{block}.k_norm.bias", $"{name}.k_norm.bias");
        Matrix($"{block}.proj", $"{name}.weights_proj", heads, _config.HiddenSize);
    }

    private void AddIndexVector(string tensor, string name) =>
        Add(
            tensor,
            GgufType.F32,
            [NativeMethods.HD_INDEX_DIM],
            checkpoint =>
            {
                var source = new CheckpointMatrix(checkpoint, name);
                return (_, values) =>
                {
                    Span<float> inOrder = stackalloc float[NativeMethods.HD_INDEX_DIM];
                    source.ReadRow(0, inOrder);
                    for (int i = 0; i < values.Length; i++)
                        values[i] = inOrder[(int)IndexRow(i)] * IndexScale(i);
                };
            }
        );

    /// <summary>
    /// V3.2's indexer rotates dimensions i and i + 32 of a head together; where the architecture rotates neighbours, they
    /// are made such. Queries and keys agree, so that their products stay.
    /// </summary>
    private long IndexRow(long row)
    {
        long dimension = row % NativeMethods.HD_INDEX_DIM;
        if (_architecture != GgufArchitecture.GlmDsa || dimension >= NativeMethods.HD_ROPE_DIM)
            return row;
        (long pair, long second) = Math.DivRem(dimension, 2);
        return row - dimension + pair + second * (NativeMethods.HD_ROPE_DIM / 2);
    }

    /// <summary>
    /// ik_llama.cpp's rotation of the indexer's queries and keys lengthens both, by YaRN's 1 + 0.1 · ln(factor) and by the
    /// factor of the softmax's scale. Queries and the keys' norm are shortened by as much.
    /// </summary>
    private float IndexScale(long row) =>
        _architecture == GgufArchitecture.GlmDsa
        && row % NativeMethods.HD_INDEX_DIM < NativeMethods.HD_ROPE_DIM
        && _config.RopeScaling is { Factor: > 1 } scaling
            ? (float)(1 / (GgufModel.Magnitude(_config) * (1 + 0.1 * Math.Log(scaling.Factor))))
            : 1;

    private Func<Checkpoint, RowReader> IndexRows(string weight, Func<long, float> scale) =>
        checkpoint =>
        {
            var source = new CheckpointMatrix(checkpoint, weight);
            return (row, values) =>
            {
                source.ReadRow(IndexRow(row), values);
                float factor = scale(row);
                foreach (ref float value in values)
                    value *= factor;
            };
        };

    private void AddExperts(string block, string name)
    {
        int hidden = _config.HiddenSize;
        int experts = _config.NRoutedExperts;
        int width = _config.MoeIntermediateSize;
        Add(
            $"{block}.ffn_gate_inp.weight",
            GgufType.F32,
            [hidden, experts],
            Rows($"{name}.gate.weight")
        );
        Vector($"{block}.exp_probs_b.bias", $"{name}.gate.e_score_correction_bias", experts);
        AddStack("gate", width, hidden);
        AddStack("up", width, hidden);
        AddStack("down", hidden, width);
        AddFeedForward(block, "_shexp", $"{name}.shared_experts", _config.SharedIntermediateSize);

        void AddStack(string part, int outputs, int inputs) =>
            Add(
                $"{block}.ffn_{part}_exps.weight",
                GgufType.Q8,
                [inputs, outputs, experts],
                checkpoint =>
                {
                    CheckpointMatrix[] sources =
                    [
                        .. Enumerable
                            .Range(0, experts)
                            .Select(expert => new CheckpointMatrix(
                                checkpoint,
                                $"{name}.experts.{expert}.{part}_proj.weight"
                            )),
                    ];
                    return (row, values) => sources[row / outputs].ReadRow(row % outputs, values);
                }
            );
    }

    private void AddFeedForward(string block, string suffix, string name, int width)
    {
        int hidden = _config.HiddenSize;
        Matrix($"{block}.ffn_gate{suffix}", $"{name}.gate_proj", width, hidden);
        Matrix($"{block}.ffn_up{suffix}", $"{name}.up_proj", width, hidden);
        Matrix($"{block}.ffn_down{suffix}", $"{name}.down_proj", hidden, width);
    }

    private void Vector(string tensor, string weight, int length) =>
        Add(tensor, GgufType.F32, [length], Rows(weight));

    private void Matrix(string tensor, string name, int outputs, int inputs) =>
        Add($"{tensor}.weight", GgufType.Q8, [inputs, outputs], Rows($"{name}.weight"));

    private static Func<Checkpoint, RowReader> Rows(string weight) =>
        checkpoint => new CheckpointMatrix(checkpoint, weight).ReadRow;

    private void Add(
        string name,
        GgufType type,
        ReadOnlySpan<long> dimensions,
        Func<Checkpoint, RowReader> open
    ) => _all.Add(new GgufTensor(name, type, [.. dimensions], open));
}
