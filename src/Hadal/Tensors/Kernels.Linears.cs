using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <content>Linears, whose weights' formats decide which product it is and which form of the input it takes.</content>
internal sealed unsafe partial class Kernels
{
    /// <summary>d = a · bᵀ.</summary>
    public void Linear(LinearInput a, Weight b, DeviceTensor d)
    {
        if (b.IsFp8)
            Fp8Gemm(a.Codes, b, null, d);
        else
            Gemm(a.Plain, b.Elements, d);
    }

    /// <summary>d = silu(a · gateᵀ) · (a · upᵀ).</summary>
    /// <param name="a">[rows, in].</param>
    /// <param name="gate">[out, in].</param>
    /// <param name="up">[out, in].</param>
    /// <param name="d">[rows, out], contiguous.</param>
    /// <param name="upOutput">Scratch, [rows, out]; not used where both weights are FP8, which are multiplied as one.</param>
    public void SwiGlu(LinearInput a, Weight gate, Weight up, DeviceTensor d, DeviceTensor upOutput)
    {
        if (gate.IsFp8 && up.IsFp8)
        {
            Fp8Gemm(a.Codes, gate, up, d);
            return;
        }
        Linear(a, gate, d);
        Linear(a, up, upOutput);
        SiluMul(d, upOutput);
    }

    /// <summary>Row i of d = row i of a · the weight of its expert, <paramref name="groupOfRow"/>[i], transposed.</summary>
    public void LinearGrouped(LinearInput a, ExpertWeights b, int* groupOfRow, DeviceTensor d)
    {
        if (b.IsFp8)
            Fp8GemmGrouped(a.Codes, b, null, groupOfRow, d);
        else
            GemmGrouped(a.Plain, b, groupOfRow, d);
    }

    /// <summary>
    /// Row i of d = that of <see cref="SwiGlu"/> with the weights of its expert, <paramref name="groupOfRow"/>[i].
    /// </summary>
    public void SwiGluGrouped(
        LinearInput a,
        ExpertWeights gate,
        ExpertWeights up,
        int* groupOfRow,
        DeviceTensor d,
        DeviceTensor upOutput
    )
    {
        if (gate.IsFp8 && up.IsFp8)
        {
            Fp8GemmGrouped(a.Codes, gate, up, groupOfRow, d);
            return;
        }
        LinearGrouped(a, gate, groupOfRow, d);
        LinearGrouped(a, up, groupOfRow, upOutput);
        SiluMul(d, upOutput);
    }

    /// <summary>Makes the quantised form of an input from the plain one, where it is wanted.</summary>
    public void Quantize(LinearInput x, InputForms wanted, hd_scale_format format)
    {
        if (wanted.HasFlag(InputForms.Quantized))
            Quantize(x.Plain, format, x.Codes);
    }

    private void GemmGrouped(DeviceTensor a, ExpertWeights b, int* groupOfRow, DeviceTensor d)
    {
        Debug.Assert(a.IsContiguous && a.Columns == b.Columns);
        Debug.Assert(d.IsContiguous && d.Columns == b.Rows && a.Rows == d.Rows);
        var args = new hd_gemm_contiguous_args
        {
            struct_size = (uint)sizeof(hd_gemm_contiguous_args),
            a_dtype = (int)a.Type,
            b_format = (int)b.Format,
            d_dtype = (int)d.Type,
            groups = b.Count,
            m = a.Rows,
            n = b.Rows,
            k = b.Columns,
            a = a.Data,
            b = b.Data,
            grouped_layout = groupOfRow,
            d = d.Data,
        };
        Run(hd_op.HD_OP_GEMM_CONTIGUOUS, &args, &NativeMethods.hd_gemm_contiguous);
    }

    /// <summary>gate = silu(gate) · up.</summary>
    private void SiluMul(DeviceTensor gate, DeviceTensor up)
    {
        Debug.Assert(gate.IsContiguous && gate.Rows == up.Rows && gate.Columns == up.Columns);
        var args = new hd_silu_mul_args
        {
            struct_size = (uint)sizeof(hd_silu_mul_args),
            x_dtype = (int)gate.Type,
            m = gate.Rows,
            n = gate.Columns,
            gate = gate.Data,
            gate_stride = gate.Stride,
            up = up.Data,
            up_stride = up.Stride,
            y = gate.Data,
        };
        Run(hd_op.HD_OP_SILU_MUL, &args, &NativeMethods.hd_silu_mul);
    }
}
