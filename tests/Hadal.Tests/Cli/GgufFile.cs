using System.Text;

namespace Hadal.Tests.Cli;

/// <summary>A GGUF file, read from the format's description: independent of what writes it.</summary>
internal sealed class GgufFile
{
    private const int Alignment = 32;

    private readonly byte[] _bytes;
    private readonly long _data;

    public GgufFile(string path)
    {
        _bytes = File.ReadAllBytes(path);
        using var reader = new BinaryReader(new MemoryStream(_bytes));
        Assert.Equal("GGUF"u8, reader.ReadBytes(4));
        Assert.Equal(3u, reader.ReadUInt32());
        ulong tensors = reader.ReadUInt64();
        ulong keys = reader.ReadUInt64();
        for (ulong i = 0; i < keys; i++)
        {
            string key = Text(reader);
            Assert.True(Metadata.TryAdd(key, Value(reader, reader.ReadUInt32())), key);
        }
        for (ulong i = 0; i < tensors; i++)
        {
            string name = Text(reader);
            long[] dimensions = new long[reader.ReadUInt32()];
            foreach (ref long dimension in dimensions.AsSpan())
                dimension = (long)reader.ReadUInt64();
            uint type = reader.ReadUInt32();
            Assert.True(
                Tensors.TryAdd(name, new Tensor(dimensions, type, (long)reader.ReadUInt64())),
                name
            );
        }
        _data = (reader.BaseStream.Position + Alignment - 1) / Alignment * Alignment;
        RequireThatTensorsFillTheFile();
    }

    public Dictionary<string, object> Metadata { get; } = [];

    public Dictionary<string, Tensor> Tensors { get; } = [];

    /// <summary>A tensor's values, and how far each may be from what was quantised.</summary>
    public (float[] Values, float[] Tolerances) Read(string name)
    {
        Tensor tensor = Tensors[name];
        var values = new float[tensor.Count];
        var tolerances = new float[tensor.Count];
        ReadOnlySpan<byte> bytes = _bytes.AsSpan((int)(_data + tensor.Offset));
        for (int i = 0; i < values.Length; i++)
        {
            if (tensor.Type == 0)
            {
                values[i] = BitConverter.ToSingle(bytes[(4 * i)..]);
                continue;
            }
            ReadOnlySpan<byte> block = bytes[(i / 32 * 34)..];
            float scale = (float)BitConverter.ToHalf(block);
            values[i] = scale * (sbyte)block[2 + i % 32];
            // Half a step, and what rounding the scale to f16 does to the largest code: 127 · 2^-11, or half a subnormal.
            tolerances[i] = 0.5001f * scale + 127 * MathF.Max(scale / 2048, MathF.ScaleB(1, -25));
        }
        return (values, tolerances);
    }

    private void RequireThatTensorsFillTheFile()
    {
        long end = 0;
        foreach ((string name, Tensor tensor) in Tensors.OrderBy(t => t.Value.Offset))
        {
            Assert.True(tensor.Type is 0 or 8, name);
            Assert.Equal(end, tensor.Offset);
            Assert.Equal(0, tensor.Offset % Alignment);
            long bytes = tensor.Type == 0 ? 4 * tensor.Count : tensor.Count / 32 * 34;
            Assert.Equal(0, tensor.Dimensions[0] % (tensor.Type == 0 ? 1 : 32));
            end += (bytes + Alignment - 1) / Alignment * Alignment;
        }
        Assert.Equal(_bytes.Length, _data + end);
    }

    private static string Text(BinaryReader reader) =>
        Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    private static object Value(BinaryReader reader, uint type) =>
        type switch
        {
            4 => reader.ReadUInt32(),
            5 => reader.ReadInt32(),
            6 => reader.ReadSingle(),
            7 => reader.ReadByte() == 1,
            8 => Text(reader),
            9 => Array(reader),
            _ => throw new InvalidDataException($"a value of type {type}"),
        };

    private static object[] Array(BinaryReader reader)
    {
        uint type = reader.ReadUInt32();
        var values = new object[reader.ReadUInt64()];
        foreach (ref object value in values.AsSpan())
            value = Value(reader, type);
        return values;
    }

    /// <param name="Dimensions">Innermost first.</param>
    /// <param name="Type">0 is f32, 8 is Q8_0.</param>
    /// <param name="Offset">From the begin of the data.</param>
    public sealed record Tensor(long[] Dimensions, uint Type, long Offset)
    {
        public long Count => Dimensions.Aggregate(1L, (count, size) => count * size);
    }
}
