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

    /// <summary>Where the modules' weights go.</summary>
    public Placement Placement => plan.Placement;

    /// <summary>The forms of input that the linears loaded so far take, but for those of routed experts.</summary>
    public InputForms LinearInput { get; private set; }

    /// <summary>The forms of input that the routed experts loaded so far take.</summary>
    public InputForms ExpertInput { get; private set; }

    /// <summary>Bytes of device memory that <see cref="PerHead"/> took.</summary>
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

    /// <summary>A matrix, unquantised, or what takes its place where there is none of the name.</summary>
    public DeviceTensor MatrixOr(string name, DeviceTensor other) =>
        checkpoint.Tensors.ContainsKey(name) ? Matrix(name) : other;

    /// <summary>
    /// A linear, in the format that its tensor's own type tells: <c>name.weight</c>, and of FP8 blocks
    /// <c>name.weight_scale_inv</c>. Its rows are those of the placement's shard.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="group">Rows that stay on one device, whole blocks of 128; 0: all of them do.</param>
    public Weight Linear(string name, int group = 0)
    {
        byte* none = null;
        byte* noScales = null;
        Weight weight = Read(name, group, ref none, ref noScales);
        LinearInput |= weight.Input;
        return weight;
    }

    /// <summary>
    /// The rows of kv_b_proj by heads, to be multiplied one by one: as they lie, or of FP8 blocks expanded to the activations'
    /// type.
    /// </summary>
    /// <param name="weight">[heads · (nope, v), latent].</param>
    public HeadWeight PerHead(Weight weight)
    {
        int period = plan.Config.Attention.KeyValueHeadDim;
        if (!weight.IsFp8 || plan.KeepsHeads(weight.ScalesArePowersOfTwo))
            return new HeadWeight(weight, period);
        DeviceTensor expanded = memory.Matrix(plan.Activations, weight.Rows, weight.Columns);
        DequantizedBytes +=
            (long)weight.Rows * weight.Columns * DeviceTensor.SizeOf(plan.Activations);
        kernels.Dequantize(weight, expanded);
        return new HeadWeight(new Weight(expanded), period);
    }

    /// <summary>Bytes of device memory that <see cref="PerHead"/> expands a linear to; 0 where it stays as it is.</summary>
    public static long ExpandedBytes(Checkpoint checkpoint, ModelPlan plan, string name)
    {
        TensorView codes = checkpoint[$"{name}.weight"];
        if (codes.DType != DType.F8E4M3)
            return 0;
        TensorView scales = checkpoint[$"{name}.weight_scale_inv"];
        return plan.KeepsHeads(ArePowersOfTwo(scales.AsSpan<int>()))
            ? 0
            : codes.ElementCount * DeviceTensor.SizeOf(plan.Activations);
    }

    /// <summary>
    /// One projection of all experts, <c>name.0.projection</c> and so on, of one format; equally spaced where they are copied.
    /// </summary>
    /// <exception cref="CheckpointException">They are of several types.</exception>
    public ExpertWeights Experts(string name, string projection, int count)
    {
        const int block = NativeMethods.HD_SCALE_BLOCK;
        TensorView first = checkpoint[$"{name}.0.{projection}.weight"];
        bool isCopied = !memory.Device.ReadsHostMemory;
        byte* next = isCopied ? (byte*)memory.Allocate(first.ByteLength * count) : null;
        byte* nextScales =
            isCopied && first.DType == DType.F8E4M3
                ? (byte*)
                    memory.Allocate(
                        checkpoint[$"{name}.0.{projection}.weight_scale_inv"].ByteLength * count
                    )
                : null;
        var experts = new Weight[count];
        for (int i = 0; i < count; i++)
        {
            TensorView expert = checkpoint[$"{name}.{i}.{projection}.weight"];
            if (expert.DType != first.DType)
                throw new CheckpointException(
                    $"{expert}: must be {first.DType.Name} like '{first.Name}': the {projection}s of a layer's experts are multiplied as one"
                );
            experts[i] = Read($"{name}.{i}.{projection}", block, ref next, ref nextScales);
        }
        var weights = new ExpertWeights(experts);
        ExpertInput |= weights.Input;
        return weights;
    }

    /// <summary>Brings a linear to the place that is given, and moves on, or to one of its own where none is.</summary>
    private Weight Read(string name, int group, ref byte* to, ref byte* scalesTo)
    {
        TensorView view = checkpoint[$"{name}.weight"];
        RequireRank(view, 2);
        int first = 0;
        int rows = (int)view.Shape[0];
        int columns = (int)view.Shape[1];
        const int block = NativeMethods.HD_SCALE_BLOCK;
        if (Placement.Shard != Shard.Whole && group > 0)
        {
            (first, rows) = Placement.Shard.RowsOf(rows, group);
            view = view.Rows(first, rows);
        }
        if (view.DType != DType.F8E4M3)
            return new Weight(
                new DeviceTensor(Place(view, ref to), TypeOf(view), rows, columns, columns)
            );
        TensorView scales = checkpoint[$"{name}.weight_scale_inv"]
            .Rows(first / block, (rows + block - 1) / block);
        return new Weight(
            (byte*)Place(view, ref to),
            (float*)Place(scales, ref scalesTo),
            rows,
            columns,
            CheckScales(scales)
        );
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

    private static void RequireRank(TensorView view, int rank)
    {
        if (view.Shape.Length != rank)
            throw new CheckpointException($"{view}: must have {rank} dimensions");
    }

    private void* Place(TensorView view, ref byte* to)
    {
        if (to is null)
            return Place(view);
        byte* place = to;
        Copy(view, place);
        to += view.ByteLength;
        return place;
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
