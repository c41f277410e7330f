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

    /// <summary>Each d = a · bᵀ, of weights in FP8 blocks.</summary>
    public void Fp8GemmMulti(
        QuantizedTensor a,
        params ReadOnlySpan<(Weight B, DeviceTensor D)> products
    )
    {
        int count = products.Length;
        int* n = stackalloc int[count];
        byte** b = stackalloc byte*[count];
        float** scales = stackalloc float*[count];
        int* scalesArePowersOfTwo = stackalloc int[count];
        void** d = stackalloc void*[count];
        long* strides = stackalloc long[count];
        for (int i = 0; i < count; i++)
        {
            (Weight weight, DeviceTensor product) = products[i];
            Debug.Assert(a.Columns == weight.Columns && a.Rows == product.Rows);
            Debug.Assert(weight.Rows == product.Columns && product.Type == products[0].D.Type);
            n[i] = weight.Rows;
            b[i] = (byte*)weight.Data;
            scales[i] = weight.Scales;
            scalesArePowersOfTwo[i] = weight.ScalesArePowersOfTwo ? 1 : 0;
            d[i] = product.Data;
            strides[i] = product.Stride;
        }
        var args = new hd_fp8_gemm_multi_args
        {
            struct_size = (uint)sizeof(hd_fp8_gemm_multi_args),
            d_dtype = (int)products[0].D.Type,
            count = count,
            m = a.Rows,
            k = a.Columns,
            a = a.Codes,
            a_scale = a.Scales,
            a_scale_row_stride = QuantizedTensor.RowStride,
            a_scale_block_stride = a.BlockStride,
            n = n,
            b = b,
            b_scale = scales,
            b_scale_is_pow2 = scalesArePowersOfTwo,
            d = d,
            d_stride = strides,
        };
        Run(hd_op.HD_OP_FP8_GEMM_MULTI, &args, &NativeMethods.hd_fp8_gemm_multi);
    }

    /// <summary>y = the weight, in FP8 blocks, expanded.</summary>
    public void Dequantize(Weight weight, DeviceTensor y)
    {
        Debug.Assert(weight.Rows == y.Rows && weight.Columns == y.Columns && y.IsContiguous);
        var args = new hd_fp8_dequantize_args
        {
            struct_size = (uint)sizeof(hd_fp8_dequantize_args),
            y_dtype = (int)y.Type,
            n = weight.Rows,
            k = weight.Columns,
            q = (byte*)weight.Data,
            scale_inv = weight.Scales,
            y = y.Data,
        };
        Run(hd_op.HD_OP_FP8_DEQUANTIZE, &args, &NativeMethods.hd_fp8_dequantize);
    }

    private void Fp8Gemm(QuantizedTensor a, Weight b, Weight? up, DeviceTensor d)
    {
        Debug.Assert(a.Columns == b.Columns && a.Rows == d.Rows && b.Rows == d.Columns);
        Debug.Assert(up is not { } u || (u.Rows == b.Rows && u.Columns == b.Columns));
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
            b = (byte*)b.Data,
            b_scale = b.Scales,
            b_scale_is_pow2 =
                b.ScalesArePowersOfTwo && up is not { ScalesArePowersOfTwo: false } ? 1 : 0,
            d = d.Data,
            d_stride = d.Stride,
            has_up = up is null ? 0 : 1,
            up = (byte*)up.GetValueOrDefault().Data,
            up_scale = up.GetValueOrDefault().Scales,
        };
        Run(hd_op.HD_OP_FP8_GEMM, &args, &NativeMethods.hd_fp8_gemm);
    }

    private void Fp8GemmGrouped(
        QuantizedTensor a,
        ExpertWeights b,
        ExpertWeights? up,
        int* groupOfRow,
        DeviceTensor d
    )
    {
        Debug.Assert(a.Columns == b.Columns && b.Rows == d.Columns && d.IsContiguous);
        Debug.Assert(
            up is null || (up.Count == b.Count && up.Rows == b.Rows && up.Columns == b.Columns)
        );
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
            b = (byte**)b.Data,
            b_scale = b.Scales,
            b_scale_is_pow2 =
                b.ScalesArePowersOfTwo && up is not { ScalesArePowersOfTwo: false } ? 1 : 0,
            grouped_layout = groupOfRow,
            d = d.Data,
            has_up = up is null ? 0 : 1,
            up = up is null ? null : (byte**)up.Data,
            up_scale = up is null ? null : up.Scales,
        };
        Run(hd_op.HD_OP_FP8_GEMM_CONTIGUOUS, &args, &NativeMethods.hd_fp8_gemm_contiguous);
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
