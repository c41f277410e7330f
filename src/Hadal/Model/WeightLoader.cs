using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Brings a checkpoint's weights to where the device reads them: where that is the host's memory they stay in the
/// checkpoint's, unless they are not aligned to their elements; elsewhere they are copied. What the kernels do not take, by
/// type or by value, is converted or refused.
/// </summary>
internal sealed unsafe class WeightLoader(
    Checkpoint checkpoint,
    ModelPlan plan,
    DeviceMemory memory,
    Kernels kernels,
    IProgress<LoadProgress>? progress,
    CancellationToken cancellationToken
)
{
    private readonly int _tensorsTotal = checkpoint.Tensors.Keys.Count(plan.Loads);
    private readonly long _bytesTotal = checkpoint
        .Tensors.Values.Where(t => plan.Loads(t.Name))
        .Sum(t => t.ByteLength);
    private int _tensorsDone;

    /// <summary>Bytes of the weights brought so far.</summary>
    public long BytesDone { get; private set; }

    /// <summary>Bytes of device memory that <see cref="Dequantize"/> took.</summary>
    public long DequantizedBytes { get; private set; }

    /// <summary>A matrix, unquantised.</summary>
    public DeviceTensor Matrix(string name)
    {
        TensorView view = checkpoint[name];
        RequireRank(view, 2);
        int columns = (int)view.Shape[1];
        return new DeviceTensor(Place(view), TypeOf(view), (int)view.Shape[0], columns, columns);
    }

    /// <summary>A vector of finite f32, as one row: a bf16 one is copied, exactly.</summary>
    public DeviceTensor FloatVector(string name)
    {
        TensorView view = checkpoint[name];
        RequireRank(view, 1);
        var values = new float[view.ElementCount];
        if (TypeOf(view) == hd_dtype.HD_DTYPE_F32)
            view.AsSpan<float>().CopyTo(values);
        else
            BFloat16.Widen(view.AsSpan<ushort>(), values);
        foreach (float value in values)
        {
            if (!float.IsFinite(value))
                throw new CheckpointException($"{view}: holds {value}, must be finite");
        }
        DeviceTensor copy = memory.Matrix(hd_dtype.HD_DTYPE_F32, 1, values.Length);
        fixed (float* from = values)
            kernels.CopyToDevice(copy.Data, from, (long)values.Length * sizeof(float));
        Report(view);
        return copy;
    }

    /// <summary>A vector, as one row.</summary>
    public DeviceTensor Vector(string name)
    {
        TensorView view = checkpoint[name];
        RequireRank(view, 1);
        int columns = (int)view.Shape[0];
        return new DeviceTensor(Place(view), TypeOf(view), 1, columns, columns);
    }

    /// <summary>A block-quantised matrix: <c>name.weight</c> and <c>name.weight_scale_inv</c>.</summary>
    public Fp8Weight Fp8(string name)
    {
        TensorView codes = Fp8Codes(name);
        TensorView scales = checkpoint[$"{name}.weight_scale_inv"];
        return new Fp8Weight(
            (byte*)Place(codes),
            (float*)Place(scales),
            (int)codes.Shape[0],
            (int)codes.Shape[1],
            CheckScales(scales)
        );
    }

    /// <summary>Whether a linear is block-quantised, as its own type tells.</summary>
    public bool IsFp8(string name) => checkpoint[$"{name}.weight"].DType == DType.F8E4M3;

    /// <summary>A block-quantised matrix, expanded to the activations' type.</summary>
    public DeviceTensor Dequantize(Fp8Weight weight)
    {
        DeviceTensor expanded = memory.Matrix(plan.Activations, weight.Rows, weight.Columns);
        DequantizedBytes +=
            (long)weight.Rows * weight.Columns * DeviceTensor.SizeOf(plan.Activations);
        kernels.Dequantize(weight, expanded);
        return expanded;
    }

    /// <summary>
    /// A block-quantised matrix whose heads are multiplied one by one: as it lies, or expanded to the activations' type.
    /// </summary>
    /// <param name="weight">[heads · period, columns].</param>
    /// <param name="period">Rows of a head.</param>
    public HeadWeight PerHead(Fp8Weight weight, int period) =>
        plan.KeepsHeads(weight.ScalesArePowersOfTwo)
            ? new HeadWeight(weight, period)
            : new HeadWeight(Dequantize(weight), period);

    /// <summary>Bytes of device memory that <see cref="PerHead"/> expands a linear to; 0 where it stays as it is.</summary>
    public static long ExpandedBytes(Checkpoint checkpoint, ModelPlan plan, string name)
    {
        TensorView codes = checkpoint[$"{name}.weight"];
        if (codes.DType != DType.F8E4M3)
            return 0; // It can't be loaded.
        TensorView scales = checkpoint[$"{name}.weight_scale_inv"];
        return plan.KeepsHeads(ArePowersOfTwo(scales.AsSpan<int>()))
            ? 0
            : codes.ElementCount * DeviceTensor.SizeOf(plan.Activations);
    }

    /// <summary>One projection of all experts: <c>name.0.projection</c> and so on, equally spaced where they are copied.</summary>
    public ExpertWeights Experts(string name, string projection, int count)
    {
        var experts = new Fp8Weight[count];
        if (memory.Device.ReadsHostMemory)
        {
            for (int i = 0; i < count; i++)
                experts[i] = Fp8($"{name}.{i}.{projection}");
            return new ExpertWeights(experts);
        }
        TensorView first = Fp8Codes($"{name}.0.{projection}");
        TensorView firstScales = checkpoint[$"{name}.0.{projection}.weight_scale_inv"];
        byte* codes = (byte*)memory.Allocate(first.ByteLength * count);
        byte* scales = (byte*)memory.Allocate(firstScales.ByteLength * count);
        for (int i = 0; i < count; i++)
        {
            TensorView expert = Fp8Codes($"{name}.{i}.{projection}");
            TensorView expertScales = checkpoint[$"{name}.{i}.{projection}.weight_scale_inv"];
            byte* to = codes + first.ByteLength * i;
            byte* scalesTo = scales + firstScales.ByteLength * i;
            Copy(expert, to);
            Copy(expertScales, scalesTo);
            experts[i] = new Fp8Weight(
                to,
                (float*)scalesTo,
                (int)expert.Shape[0],
                (int)expert.Shape[1],
                CheckScales(expertScales)
            );
        }
        return new ExpertWeights(experts);
    }

    /// <summary>Refuses scales that no quantiser makes; zero is one of a block of zeros.</summary>
    /// <returns>Whether they are powers of two.</returns>
    private static bool CheckScales(TensorView scales)
    {
        ReadOnlySpan<float> values = scales.AsSpan<float>();
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]) || values[i] < 0)
                throw new CheckpointException(
                    $"{scales}: the scale of block [{i / scales.Shape[1]}, {i % scales.Shape[1]}] is {values[i]}, must be finite and not negative"
                );
        }
        return ArePowersOfTwo(scales.AsSpan<int>());
    }

    /// <summary>Whether kernels may fold f32 scales, given by their bits, into bf16 values without rounding.</summary>
    internal static bool ArePowersOfTwo(ReadOnlySpan<int> scales)
    {
        foreach (int bits in scales)
        {
            // Positive, normal, finite, and no mantissa.
            if ((bits & 0x007f_ffff) != 0 || bits is <= 0 or >= 0x7f80_0000)
                return false;
        }
        return true;
    }

    private static hd_dtype TypeOf(TensorView view) =>
        view.DType switch
        {
            DType.F32 => hd_dtype.HD_DTYPE_F32,
            DType.BF16 => hd_dtype.HD_DTYPE_BF16,
            _ => throw new CheckpointException($"{view}: must be F32 or BF16"),
        };

    private TensorView Fp8Codes(string name)
    {
        TensorView codes = checkpoint[$"{name}.weight"];
        RequireRank(codes, 2);
        return codes;
    }

    private static void RequireRank(TensorView view, int rank)
    {
        if (view.Shape.Length != rank)
            throw new CheckpointException($"{view}: must have {rank} dimensions");
    }

    private void* Place(TensorView view)
    {
        nuint alignment = (nuint)view.DType.Bits / 8;
        if (memory.Device.ReadsHostMemory && (nuint)view.Data % alignment == 0)
        {
            Report(view);
            return view.Data;
        }
        void* to = memory.Allocate(view.ByteLength);
        Copy(view, to);
        return to;
    }

    private void Copy(TensorView view, void* to)
    {
        kernels.CopyToDevice(to, view.Data, view.ByteLength);
        Report(view);
    }

    private void Report(TensorView view)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _tensorsDone++;
        BytesDone += view.ByteLength;
        progress?.Report(new LoadProgress(_tensorsDone, _tensorsTotal, BytesDone, _bytesTotal));
    }
}
