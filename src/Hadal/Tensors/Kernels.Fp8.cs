using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

internal sealed unsafe partial class Kernels
{
    /// <summary>Quantises per row and 128 columns.</summary>
    public void Quantize(DeviceTensor x, hd_scale_format format, QuantizedTensor y)
    {
        Debug.Assert(x.Rows == y.Rows && x.Columns == y.Columns);
        Quantize(x, format, y.Codes, y.Scales, QuantizedTensor.RowStride, y.BlockStride);
    }

    /// <summary>Quantises rows of 128 columns; the scales lie side by side, one a row.</summary>
    public void QuantizeRows(DeviceTensor x, hd_scale_format format, byte* codes, float* scales) =>
        Quantize(x, format, codes, scales, 1, QuantizedTensor.AlignRows(x.Rows));

    /// <summary>d = a · bᵀ with block scales.</summary>
    public void Fp8Gemm(QuantizedTensor a, Fp8Weight b, DeviceTensor d)
    {
        Debug.Assert(a.Columns == b.Columns && a.Rows == d.Rows && b.Rows == d.Columns);
        var args = new hd_fp8_gemm_args
        {
            struct_size = (uint)sizeof(hd_fp8_gemm_args),
            d_dtype = (int)d.Type,
            m = a.Rows,
            n = b.Rows,
            k = b.Columns,
            a = a.Codes,
            a_scale = a.Scales,
            a_scale_row_stride = QuantizedTensor.RowStride,
            a_scale_block_stride = a.BlockStride,
            b = b.Codes,
            b_scale = b.Scales,
            b_scale_is_pow2 = b.ScalesArePowersOfTwo ? 1 : 0,
            d = d.Data,
            d_stride = d.Stride,
        };
        Run(hd_op.HD_OP_FP8_GEMM, &args, &NativeMethods.hd_fp8_gemm);
    }

    /// <summary>Row i of d = row i of a · the weight of its expert, <paramref name="groupOfRow"/>[i], transposed.</summary>
    public void Fp8GemmGrouped(QuantizedTensor a, ExpertWeights b, int* groupOfRow, DeviceTensor d)
    {
        Debug.Assert(a.Columns == b.Columns && b.Rows == d.Columns && d.IsContiguous);
        var args = new hd_fp8_gemm_contiguous_args
        {
            struct_size = (uint)sizeof(hd_fp8_gemm_contiguous_args),
            d_dtype = (int)d.Type,
            groups = b.Count,
            m = a.Rows,
            n = b.Rows,
            k = b.Columns,
            a = a.Codes,
            a_scale = a.Scales,
            a_scale_row_stride = QuantizedTensor.RowStride,
            a_scale_block_stride = a.BlockStride,
            b = b.Codes,
            b_scale = b.Scales,
            b_scale_is_pow2 = b.ScalesArePowersOfTwo ? 1 : 0,
            grouped_layout = groupOfRow,
            d = d.Data,
        };
        Run(hd_op.HD_OP_FP8_GEMM_CONTIGUOUS, &args, &NativeMethods.hd_fp8_gemm_contiguous);
    }

    /// <summary>y = the weight, expanded.</summary>
    public void Dequantize(Fp8Weight weight, DeviceTensor y)
    {
        Debug.Assert(weight.Rows == y.Rows && weight.Columns == y.Columns && y.IsContiguous);
        var args = new hd_fp8_dequantize_args
        {
            struct_size = (uint)sizeof(hd_fp8_dequantize_args),
            y_dtype = (int)y.Type,
            n = weight.Rows,
            k = weight.Columns,
            q = weight.Codes,
            scale_inv = weight.Scales,
            y = y.Data,
        };
        Run(hd_op.HD_OP_FP8_DEQUANTIZE, &args, &NativeMethods.hd_fp8_dequantize);
    }

    private void Quantize(
        DeviceTensor x,
        hd_scale_format format,
        byte* codes,
        float* scales,
        long rowStride,
        long blockStride
    )
    {
        var args = new hd_fp8_quantize_args
        {
            struct_size = (uint)sizeof(hd_fp8_quantize_args),
            x_dtype = (int)x.Type,
            scale_format = (int)format,
            m = x.Rows,
            k = x.Columns,
            x = x.Data,
            x_stride = x.Stride,
            q = codes,
            scale = scales,
            scale_row_stride = rowStride,
            scale_block_stride = blockStride,
        };
        Run(hd_op.HD_OP_FP8_QUANTIZE, &args, &NativeMethods.hd_fp8_quantize);
    }
}
