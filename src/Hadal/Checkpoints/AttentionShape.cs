using Hadal.Bindings;
using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>The widths of multi-head latent attention, in dimensions.</summary>
public sealed record AttentionShape
{
    /// <summary><c>qk_nope_head_dim</c>: a query's or key's part that is not rotated.</summary>
    public required int NopeDim { get; init; }

    /// <summary><c>v_head_dim</c>: a head's values.</summary>
    public required int ValueDim { get; init; }

    /// <summary><c>kv_lora_rank</c>: the latent that keys and values come from. The cache formats fix it at 512.</summary>
    public int LatentDim { get; } = NativeMethods.HD_LATENT_DIM;

    /// <summary><c>qk_rope_head_dim</c>: a query's or key's rotated part. The cache formats fix it at 64.</summary>
    public int RopeDim { get; } = NativeMethods.HD_ROPE_DIM;

    /// <summary>A head's query or key: [nope, rope].</summary>
    public int QueryHeadDim => NopeDim + RopeDim;

    /// <summary>What kv_b_proj makes of a latent for a head: [nope, value].</summary>
    public int KeyValueHeadDim => NopeDim + ValueDim;

    /// <summary>What is cached of a token: [latent, rope].</summary>
    public int CachedDim => LatentDim + RopeDim;

    /// <summary>The fewest heads whose rows are whole blocks of scales in each linear: heads are dealt out by so many.</summary>
    internal int HeadGroup
    {
        get
        {
            int heads = 1;
            while (
                heads * QueryHeadDim % DeepSeekConfig.Block != 0
                || heads * KeyValueHeadDim % DeepSeekConfig.Block != 0
            )
                heads++;
            return heads;
        }
    }

    internal static AttentionShape Read(JsonFields fields, int heads)
    {
        var shape = new AttentionShape
        {
            NopeDim = HeadWidth(fields, "qk_nope_head_dim"),
            ValueDim = HeadWidth(fields, "v_head_dim"),
        };
        fields.Require("kv_lora_rank", shape.LatentDim);
        fields.Require("qk_rope_head_dim", shape.RopeDim);
        fields.RequireOrAbsent("qk_head_dim", shape.QueryHeadDim);
        if (heads * shape.ValueDim % DeepSeekConfig.Block != 0)
            throw fields.Bad(
                "v_head_dim",
                $"times num_attention_heads, {heads}, must be a multiple of {DeepSeekConfig.Block}"
            );
        return shape;
    }

    private static int HeadWidth(JsonFields fields, string name)
    {
        const int step = 64;
        int width = fields.Integer(name, step, 1024);
        return width % step == 0 ? width : throw fields.Bad(name, $"must be a multiple of {step}");
    }
}
