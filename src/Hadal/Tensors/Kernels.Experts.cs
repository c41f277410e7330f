using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

internal sealed unsafe partial class Kernels
{
    /// <summary>Chooses the experts of each token and their weights from the router's logits.</summary>
    /// <param name="logits">f32 [tokens, experts].</param>
    /// <param name="bias">f32 [experts], which only selects; may be null.</param>
    /// <param name="groups">Groups of experts.</param>
    /// <param name="topGroups">Groups kept.</param>
    /// <param name="normalize">Whether weights are divided by their sum.</param>
    /// <param name="scale">routed_scaling_factor.</param>
    /// <param name="ids">i32 [tokens, top experts].</param>
    /// <param name="weights">f32 [tokens, top experts].</param>
    public void Route(
        DeviceTensor logits,
        float* bias,
        int groups,
        int topGroups,
        bool normalize,
        float scale,
        DeviceTensor ids,
        DeviceTensor weights
    )
    {
        Debug.Assert(logits.IsContiguous && ids.IsContiguous && weights.IsContiguous);
        var args = new hd_moe_route_args
        {
            struct_size = (uint)sizeof(hd_moe_route_args),
            m = logits.Rows,
            experts = logits.Columns,
            groups = groups,
            top_groups = topGroups,
            top_experts = ids.Columns,
            normalize = normalize ? 1 : 0,
            scale = scale,
            logits = logits.F32,
            bias = bias,
            ids = ids.I32,
            weights = weights.F32,
        };
        Run(hd_op.HD_OP_MOE_ROUTE, &args, &NativeMethods.hd_moe_route);
    }

    /// <summary>Sorts tokens by expert.</summary>
    /// <param name="x">[tokens, k].</param>
    /// <param name="wanted">The forms of x that are.</param>
    /// <param name="ids">i32 [tokens, top experts].</param>
    /// <param name="experts">The number of experts.</param>
    /// <param name="alignment">Rows that each expert's share is padded to.</param>
    /// <param name="y">[rows, k].</param>
    /// <param name="rowOf">i32 [tokens, top experts]: the row of y that holds the token for the expert.</param>
    /// <param name="groupOfRow">i32 [rows]: the expert of each row, −1 on padding.</param>
    public void Permute(
        LinearInput x,
        InputForms wanted,
        DeviceTensor ids,
        int experts,
        int alignment,
        LinearInput y,
        DeviceTensor rowOf,
        int* groupOfRow
    )
    {
        Debug.Assert(ids.IsContiguous && rowOf.IsContiguous);
        if (wanted.HasFlag(InputForms.Plain))
        {
            Debug.Assert(x.Plain.IsContiguous && x.Plain.Columns == y.Plain.Columns);
            var args = new hd_moe_permute_args
            {
                x_dtype = (int)x.Plain.Type,
                k = x.Plain.Columns,
                rows = y.Plain.Rows,
                x = (byte*)x.Plain.Data,
                y = (byte*)y.Plain.Data,
            };
            Permute(args, ids, experts, alignment, rowOf, groupOfRow);
        }
        if (wanted.HasFlag(InputForms.Quantized))
        {
            Debug.Assert(x.Codes.Columns == y.Codes.Columns);
            var args = new hd_moe_permute_args
            {
                x_dtype = (int)hd_dtype.HD_DTYPE_F8_E4M3,
                k = x.Codes.Columns,
                rows = y.Codes.Rows,
                x = x.Codes.Codes,
                x_scale = x.Codes.Scales,
                x_scale_row_stride = QuantizedTensor.RowStride,
                x_scale_block_stride = x.Codes.BlockStride,
                y = y.Codes.Codes,
                y_scale = y.Codes.Scales,
                y_scale_row_stride = QuantizedTensor.RowStride,
                y_scale_block_stride = y.Codes.BlockStride,
            };
            Permute(args, ids, experts, alignment, rowOf, groupOfRow);
        }
    }

    private void Permute(
        hd_moe_permute_args args,
        DeviceTensor ids,
        int experts,
        int alignment,
        DeviceTensor rowOf,
        int* groupOfRow
    )
    {
        args.struct_size = (uint)sizeof(hd_moe_permute_args);
        args.m = ids.Rows;
        args.experts = experts;
        args.top_experts = ids.Columns;
        args.alignment = alignment;
        args.ids = ids.I32;
        args.row_of = rowOf.I32;
        args.grouped_layout = groupOfRow;
        Run(hd_op.HD_OP_MOE_PERMUTE, &args, &NativeMethods.hd_moe_permute);
    }

    /// <summary>y = Σ weight · x[rowOf] over a token's experts, then + shared, with one rounding.</summary>
    public void Combine(
        DeviceTensor x,
        DeviceTensor rowOf,
        DeviceTensor weights,
        DeviceTensor shared,
        DeviceTensor y
    )
    {
        Debug.Assert(x.IsContiguous && shared.IsContiguous && y.IsContiguous);
        var args = new hd_moe_combine_args
        {
            struct_size = (uint)sizeof(hd_moe_combine_args),
            x_dtype = (int)x.Type,
            m = y.Rows,
            n = y.Columns,
            top_experts = rowOf.Columns,
            rows = x.Rows,
            x = x.Data,
            row_of = rowOf.I32,
            weights = weights.F32,
            shared = shared.Data,
            y = y.Data,
        };
        Run(hd_op.HD_OP_MOE_COMBINE, &args, &NativeMethods.hd_moe_combine);
    }
}
