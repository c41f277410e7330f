using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <content>Norms of rows. n columns: x, residual, y and codes are [m, n], weights [1, n].</content>
internal sealed unsafe partial class Kernels
{
    /// <summary>y = norm(x) · weight; y may be x.</summary>
    public void Norm(DeviceTensor x, DeviceTensor weight, float epsilon, DeviceTensor y) =>
        RmsNorm(x, null, weight, epsilon, y, null, default);

    /// <summary>residual += x; y = norm(residual before its rounding) · weight; y may be x.</summary>
    public void AddNorm(
        DeviceTensor x,
        DeviceTensor residual,
        DeviceTensor weight,
        float epsilon,
        DeviceTensor y
    ) => RmsNorm(x, residual, weight, epsilon, y, null, default);

    /// <summary>y = norm(x) · weight in the forms that are wanted, one at least; y's plain form may be x.</summary>
    public void Norm(
        DeviceTensor x,
        DeviceTensor weight,
        float epsilon,
        LinearInput y,
        InputForms wanted,
        hd_scale_format format
    ) => RmsNorm(x, null, weight, epsilon, Plain(y, wanted), Codes(y, wanted), format);

    /// <summary>
    /// residual += x; y = norm(residual before its rounding) · weight in the forms that are wanted, one at least; y's plain
    /// form may be x.
    /// </summary>
    public void AddNorm(
        DeviceTensor x,
        DeviceTensor residual,
        DeviceTensor weight,
        float epsilon,
        LinearInput y,
        InputForms wanted,
        hd_scale_format format
    ) => RmsNorm(x, residual, weight, epsilon, Plain(y, wanted), Codes(y, wanted), format);

    /// <summary>x = layernorm(x) · weight + bias, in place.</summary>
    public void LayerNorm(DeviceTensor x, DeviceTensor weight, DeviceTensor bias, float epsilon)
    {
        Debug.Assert(x.Columns == weight.Columns && weight.Type == bias.Type);
        var args = new hd_layer_norm_args
        {
            struct_size = (uint)sizeof(hd_layer_norm_args),
            x_dtype = (int)x.Type,
            weight_dtype = (int)weight.Type,
            m = x.Rows,
            n = x.Columns,
            epsilon = epsilon,
            x = x.Data,
            x_stride = x.Stride,
            weight = weight.Data,
            bias = bias.Data,
            y = x.Data,
            y_stride = x.Stride,
        };
        Run(hd_op.HD_OP_LAYER_NORM, &args, &NativeMethods.hd_layer_norm);
    }

    private static DeviceTensor? Plain(LinearInput y, InputForms wanted) =>
        wanted.HasFlag(InputForms.Plain) ? y.Plain : null;

    private static QuantizedTensor? Codes(LinearInput y, InputForms wanted) =>
        wanted.HasFlag(InputForms.Quantized) ? y.Codes : null;

    private void RmsNorm(
        DeviceTensor x,
        DeviceTensor? residual,
        DeviceTensor weight,
        float epsilon,
        DeviceTensor? y,
        QuantizedTensor? codes,
        hd_scale_format format
    )
    {
        Debug.Assert(x.Columns == weight.Columns);
        Debug.Assert(residual is not { } sum || (sum.IsContiguous && sum.Columns == x.Columns));
        Debug.Assert(y is not { } plain || (plain.Rows == x.Rows && plain.Columns == x.Columns));
        Debug.Assert(codes is not { } q || (q.Rows == x.Rows && q.Columns == x.Columns));
        var args = new hd_rms_norm_args
        {
            struct_size = (uint)sizeof(hd_rms_norm_args),
            x_dtype = (int)x.Type,
            weight_dtype = (int)weight.Type,
            m = x.Rows,
            n = x.Columns,
            epsilon = epsilon,
            x = x.Data,
            x_stride = x.Stride,
            residual = residual.GetValueOrDefault().Data,
            weight = weight.Data,
            y = y.GetValueOrDefault().Data,
            y_stride = y.GetValueOrDefault().Stride,
            q = codes.GetValueOrDefault().Codes,
            q_scale = codes.GetValueOrDefault().Scales,
            q_scale_row_stride = QuantizedTensor.RowStride,
            q_scale_block_stride = codes.GetValueOrDefault().BlockStride,
            q_scale_format = (int)format,
        };
        Run(hd_op.HD_OP_RMS_NORM, &args, &NativeMethods.hd_rms_norm);
    }
}
