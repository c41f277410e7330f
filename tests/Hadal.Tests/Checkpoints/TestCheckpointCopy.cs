using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Tests.Checkpoints;

/// <summary>Copies of a checkpoint with tensors of other types or values.</summary>
internal static class TestCheckpointCopy
{
    /// <summary>The same tensor, or another type and data in its place.</summary>
    public delegate (DType DType, byte[] Data) Change(TensorView tensor);

    /// <summary>Writes a copy in one file.</summary>
    public static TemporaryFolder Write(string source, Change change)
    {
        using Checkpoint checkpoint = Checkpoint.Open(source);
        var folder = new TemporaryFolder();
        File.Copy(Path.Combine(source, "config.json"), folder.File("config.json"));
        var changed = checkpoint.Tensors.ToDictionary(t => t.Key, t => change(t.Value));
        using var writer = SafetensorsWriter.Create(
            folder.File("model.safetensors"),
            changed.Select(t => new TensorDeclaration(
                t.Key,
                t.Value.DType,
                [.. checkpoint[t.Key].Shape]
            ))
        );
        foreach ((string name, (_, byte[] data)) in changed)
            writer.Write<byte>(name, data);
        writer.Complete();
        return folder;
    }

    public static (DType DType, byte[] Data) Same(TensorView tensor) =>
        (tensor.DType, tensor.Bytes.ToArray());

    /// <summary>Values of an F32 or BF16 tensor.</summary>
    public static float[] Values(TensorView tensor) =>
        tensor.DType == DType.F32
            ? tensor.AsSpan<float>().ToArray()
            :
            [
                .. tensor
                    .AsSpan<ushort>()
                    .ToArray()
                    .Select(half => BitConverter.UInt32BitsToSingle((uint)half << 16)),
            ];

    /// <summary>F32 data of the values, cut to what bf16 has of them.</summary>
    public static (DType DType, byte[] Data) CutF32(float[] values) =>
        (
            DType.F32,
            [
                .. values.SelectMany(value =>
                    BitConverter.GetBytes(BitConverter.SingleToUInt32Bits(value) & 0xffff0000)
                ),
            ]
        );

    /// <summary>The same values as BF16.</summary>
    public static (DType DType, byte[] Data) BF16(float[] values) =>
        (
            DType.BF16,
            [
                .. values.SelectMany(value =>
                    BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))
                ),
            ]
        );
}
