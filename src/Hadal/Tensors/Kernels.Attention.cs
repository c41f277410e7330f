using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

internal sealed unsafe partial class Kernels
{
    /// <summary>table [positions, 2 · half] = cosines, then sines.</summary>
    public void RopeTable(DeviceTensor inverseFrequency, DeviceTensor table)
    {
        Debug.Assert(2 * inverseFrequency.Columns == table.Columns && table.IsContiguous);
        var args = new hd_rope_table_args
        {
            struct_size = (uint)sizeof(hd_rope_table_args),
            positions = table.Rows,
            half = inverseFrequency.Columns,
            inverse_frequency = inverseFrequency.F32,
            table = table.F32,
        };
        Run(hd_op.HD_OP_ROPE_TABLE, &args, &NativeMethods.hd_rope_table);
    }

    /// <summary>
    /// Turns the rotary part of each head. x and y are that part of the first head; the others follow at the head
    /// strides. y may be x.
    /// </summary>
    public void Rope(
        DeviceTensor x,
        int heads,
        long xHeadStride,
        hd_rope_layout layout,
        DeviceTensor table,
        int* positions,
        DeviceTensor y,
        long yHeadStride
    )
    {
        Debug.Assert(x.Columns == table.Columns && x.Columns == y.Columns && x.Rows == y.Rows);
        var args = new hd_rope_args
        {
            struct_size = (uint)sizeof(hd_rope_args),
            x_dtype = (int)x.Type,
            layout = (int)layout,
            m = x.Rows,
            heads = heads,
            dim = x.Columns,
            table_positions = table.Rows,
            x = x.Data,
            x_stride = x.Stride,
            x_head_stride = xHeadStride,
            positions = positions,
            table = table.F32,
            y = y.Data,
            y_stride = y.Stride,
            y_head_stride = yHeadStride,
        };
        Run(hd_op.HD_OP_ROPE, &args, &NativeMethods.hd_rope);
    }

    /// <summary>x = x · H · n^-0.5 for each row, in place.</summary>
    public void Hadamard(DeviceTensor x)
    {
        Debug.Assert(x.IsContiguous);
        var args = new hd_hadamard_args
        {
            struct_size = (uint)sizeof(hd_hadamard_args),
            x_dtype = (int)x.Type,
            m = x.Rows,
            n = x.Columns,
            x = x.Data,
            y = x.Data,
        };
        Run(hd_op.HD_OP_HADAMARD, &args, &NativeMethods.hd_hadamard);
    }

    /// <summary>Writes tokens into an MLA cache.</summary>
    public void AppendLatent(
        DeviceTensor latent,
        DeviceTensor rope,
        int* slots,
        MlaPages cache,
        hd_scale_format scaleFormat
    )
    {
        var args = new hd_mla_cache_append_args
        {
            struct_size = (uint)sizeof(hd_mla_cache_append_args),
            x_dtype = (int)latent.Type,
            format = (int)cache.Format,
            scale_format = (int)scaleFormat,
            m = latent.Rows,
            pages = cache.Count,
            latent = latent.Data,
            latent_stride = latent.Stride,
            rope = rope.Data,
            rope_stride = rope.Stride,
            slots = slots,
            cache = cache.Data,
        };
        Run(hd_op.HD_OP_MLA_CACHE_APPEND, &args, &NativeMethods.hd_mla_cache_append);
    }

    /// <summary>Reads tokens back from an MLA cache: y [tokens, (latent, rope)].</summary>
    public void GatherLatent(int* slots, MlaPages cache, DeviceTensor y)
    {
        var args = new hd_mla_cache_gather_args
        {
            struct_size = (uint)sizeof(hd_mla_cache_gather_args),
            format = (int)cache.Format,
            y_dtype = (int)y.Type,
            m = y.Rows,
            pages = cache.Count,
            slots = slots,
            cache = cache.Data,
            y = y.Data,
            y_stride = y.Stride,
        };
        Run(hd_op.HD_OP_MLA_CACHE_GATHER, &args, &NativeMethods.hd_mla_cache_gather);
    }

    /// <summary>Attention of one sequence's tokens over expanded keys and values.</summary>
    /// <param name="q">[tokens, heads · (nope, rope)].</param>
    /// <param name="heads">Heads.</param>
    /// <param name="keyValues">[keys, heads · (nope, v)].</param>
    /// <param name="keyRope">[keys, 64].</param>
    /// <param name="valueWidth">Width of v.</param>
    /// <param name="visible">i32 [tokens]: how many keys each token sees.</param>
    /// <param name="positions">Of those the ones it may use, i32 [tokens, top-k], or null for all.</param>
    /// <param name="topK">Columns of positions; 0 without.</param>
    /// <param name="softmaxScale">Multiplies q · k.</param>
    /// <param name="y">[tokens, heads · v].</param>
    public void MaskedMha(
        DeviceTensor q,
        int heads,
        DeviceTensor keyValues,
        DeviceTensor keyRope,
        int valueWidth,
        int* visible,
        int* positions,
        int topK,
        float softmaxScale,
        DeviceTensor y
    )
    {
        Debug.Assert(q.IsContiguous && keyValues.IsContiguous && y.IsContiguous);
        var args = new hd_masked_mha_args
        {
            struct_size = (uint)sizeof(hd_masked_mha_args),
            q_dtype = (int)q.Type,
            m = q.Rows,
            heads = heads,
            keys = keyValues.Rows,
            nope_dim = keyValues.Columns / heads - valueWidth,
            v_dim = valueWidth,
            topk = topK,
            softmax_scale = softmaxScale,
            q = q.Data,
            kv = keyValues.Data,
            k_rope = keyRope.Data,
            k_rope_stride = keyRope.Stride,
            visible = visible,
            positions = positions,
            @out = y.Data,
        };
        Run(hd_op.HD_OP_MASKED_MHA, &args, &NativeMethods.hd_masked_mha);
    }

    /// <summary>Quantises indexer keys [tokens, 128] into an index cache.</summary>
    public void AppendIndexKeys(
        DeviceTensor keys,
        int* slots,
        IndexPages cache,
        hd_scale_format scaleFormat
    )
    {
        var args = new hd_index_cache_append_args
        {
            struct_size = (uint)sizeof(hd_index_cache_append_args),
            x_dtype = (int)keys.Type,
            scale_format = (int)scaleFormat,
            m = keys.Rows,
            pages = cache.Count,
            k = keys.Data,
            k_stride = keys.Stride,
            slots = slots,
            cache = cache.Data,
        };
        Run(hd_op.HD_OP_INDEX_CACHE_APPEND, &args, &NativeMethods.hd_index_cache_append);
    }

    /// <summary>x [tokens, heads] = x · headScale · qScale · softmaxScale, in place.</summary>
    public void IndexerWeights(DeviceTensor x, float headScale, float* qScale, float softmaxScale)
    {
        Debug.Assert(x.IsContiguous);
        var args = new hd_indexer_weights_args
        {
            struct_size = (uint)sizeof(hd_indexer_weights_args),
            m = x.Rows,
            heads = x.Columns,
            head_scale = headScale,
            softmax_scale = softmaxScale,
            x = x.F32,
            q_scale = qScale,
            y = x.F32,
        };
        Run(hd_op.HD_OP_INDEXER_WEIGHTS, &args, &NativeMethods.hd_indexer_weights);
    }

    /// <summary>Chooses the tokens that each query attends to, as slots of the cache, ascending, then −1.</summary>
    /// <param name="q">e4m3 [tokens, heads, 128].</param>
    /// <param name="weights">f32 [tokens, heads].</param>
    /// <param name="cache">The index cache.</param>
    /// <param name="paging">Where each token's sequence lies.</param>
    /// <param name="indices">i32 [tokens, top-k].</param>
    /// <param name="positions">The same as positions in the sequence, i32 [tokens, top-k], or null.</param>
    public void IndexerTopK(
        byte* q,
        DeviceTensor weights,
        IndexPages cache,
        in Paging paging,
        DeviceTensor indices,
        int* positions
    )
    {
        Debug.Assert(weights.IsContiguous && indices.IsContiguous);
        var args = new hd_indexer_topk_args
        {
            struct_size = (uint)sizeof(hd_indexer_topk_args),
            m = weights.Rows,
            heads = weights.Columns,
            topk = indices.Columns,
            pages = cache.Count,
            sequences = paging.Sequences,
            max_pages = paging.MaxPages,
            q = q,
            weights = weights.F32,
            cache = cache.Data,
            block_table = paging.BlockTable,
            row_sequence = paging.RowSequence,
            visible = paging.Visible,
            positions = positions,
            indices = indices.I32,
        };
        Run(hd_op.HD_OP_INDEXER_TOPK, &args, &NativeMethods.hd_indexer_topk);
    }

    /// <summary>Attention in the latent over the chosen tokens; q [tokens, heads · 576], y [tokens, heads · 512].</summary>
    public void SparseMla(
        DeviceTensor q,
        int heads,
        MlaPages cache,
        DeviceTensor indices,
        float softmaxScale,
        DeviceTensor y
    )
    {
        Debug.Assert(q.IsContiguous && y.IsContiguous && indices.IsContiguous);
        var args = new hd_sparse_mla_args
        {
            struct_size = (uint)sizeof(hd_sparse_mla_args),
            q_dtype = (int)q.Type,
            format = (int)cache.Format,
            m = q.Rows,
            heads = heads,
            topk = indices.Columns,
            pages = cache.Count,
            softmax_scale = softmaxScale,
            q = q.Data,
            cache = cache.Data,
            indices = indices.I32,
            @out = y.Data,
        };
        Run(hd_op.HD_OP_SPARSE_MLA, &args, &NativeMethods.hd_sparse_mla);
    }

    /// <summary>Attention in the latent over all visible tokens; q [tokens, heads · 576], y [tokens, heads · 512].</summary>
    public void DenseMla(
        DeviceTensor q,
        int heads,
        MlaPages cache,
        in Paging paging,
        float softmaxScale,
        DeviceTensor y
    )
    {
        Debug.Assert(q.IsContiguous && y.IsContiguous);
        var args = new hd_dense_mla_args
        {
            struct_size = (uint)sizeof(hd_dense_mla_args),
            q_dtype = (int)q.Type,
            format = (int)cache.Format,
            m = q.Rows,
            heads = heads,
            pages = cache.Count,
            sequences = paging.Sequences,
            max_pages = paging.MaxPages,
            softmax_scale = softmaxScale,
            q = q.Data,
            cache = cache.Data,
            block_table = paging.BlockTable,
            row_sequence = paging.RowSequence,
            visible = paging.Visible,
            @out = y.Data,
        };
        Run(hd_op.HD_OP_DENSE_MLA, &args, &NativeMethods.hd_dense_mla);
    }
}
