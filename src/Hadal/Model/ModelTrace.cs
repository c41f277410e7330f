using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// What the layers did with the last token of a step: set it as <see cref="StepBatch.Trace"/>, and read it after
/// each step. Not thread-safe.
/// </summary>
public sealed unsafe class ModelTrace
{
    private readonly SortedDictionary<int, LayerTrace> _layers = [];

    /// <summary>The layers, by number.</summary>
    public IReadOnlyDictionary<int, LayerTrace> Layers => _layers;

    /// <summary>Is told of each layer when it is recorded.</summary>
    internal Action<int>? OnLayer { get; init; }

    internal void Record(Step step, int layer, bool hasExperts)
    {
        Workspace w = step.Workspace;
        int last = w.Tokens - 1;
        if (step.LastSequence is not { } sequence)
            return;
        float[] hidden = ReadFloats(step.Kernels, w.Residual.Row(last));
        float[] block = ReadFloats(step.Kernels, w.X.Row(last));
        for (int i = 0; i < hidden.Length; i++)
            hidden[i] += block[i];
        int[]? index = null;
        if (w.Indices.Columns > 0)
        {
            index = ReadInts(step.Kernels, w.Indices.Row(last));
            for (int i = 0; i < index.Length; i++)
                index[i] = index[i] < 0 ? -1 : sequence.PositionOf(index[i]);
        }
        _layers[layer] = new LayerTrace(
            hidden,
            index,
            hasExperts ? ReadInts(step.Kernels, w.ExpertIds.Row(last)) : null,
            hasExperts ? ReadFloats(step.Kernels, w.ExpertWeights.Row(last)) : null
        );
        OnLayer?.Invoke(layer);
    }

    private static int[] ReadInts(Kernels kernels, DeviceTensor row)
    {
        var values = new int[row.Columns];
        fixed (int* to = values)
            kernels.CopyToHost(to, row.Data, sizeof(int) * values.Length);
        return values;
    }

    private static float[] ReadFloats(Kernels kernels, DeviceTensor row)
    {
        var values = new float[row.Columns];
        if (row.Type == hd_dtype.HD_DTYPE_F32)
        {
            fixed (float* to = values)
                kernels.CopyToHost(to, row.Data, sizeof(float) * values.Length);
            return values;
        }
        var halves = new ushort[row.Columns];
        fixed (ushort* to = halves)
            kernels.CopyToHost(to, row.Data, sizeof(ushort) * halves.Length);
        BFloat16.Widen(halves, values);
        return values;
    }
}
