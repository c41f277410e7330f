using System.Buffers.Binary;
using System.Text;

namespace Hadal.Cli.Gguf;

/// <summary>The keys and values of a GGUF file, as they are stored.</summary>
internal sealed class GgufMetadata : IDisposable
{
    private readonly MemoryStream _bytes = new();
    private readonly BinaryWriter _writer;

    public GgufMetadata() => _writer = new BinaryWriter(_bytes, Encoding.UTF8, leaveOpen: true);

    /// <summary>The format's numbers of the types of values.</summary>
    private enum ValueType : uint
    {
        UInt32 = 4,
        Int32 = 5,
        Float32 = 6,
        Bool = 7,
        String = 8,
        Array = 9,
    }

    /// <summary>How many keys there are.</summary>
    public long Count { get; private set; }

    /// <summary>All that was added, in order.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.GetBuffer().AsSpan(0, (int)_bytes.Length);

    /// <summary>A string as the format has it: its length in bytes, u64, and UTF-8.</summary>
    public static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    public void Add(string key, string value)
    {
        Begin(key, ValueType.String);
        WriteText(_writer, value);
    }

    public void Add(string key, int value)
    {
        Begin(key, ValueType.UInt32);
        _writer.Write(checked((uint)value));
    }

    public void Add(string key, float value)
    {
        Begin(key, ValueType.Float32);
        _writer.Write(value);
    }

    public void Add(string key, bool value)
    {
        Begin(key, ValueType.Bool);
        _writer.Write(value);
    }

    public void Add(string key, IReadOnlyList<string> values)
    {
        BeginArray(key, ValueType.String, values.Count);
        foreach (string value in values)
            WriteText(_writer, value);
    }

    public void Add(string key, ReadOnlySpan<float> values)
    {
        BeginArray(key, ValueType.Float32, values.Length);
        foreach (float value in values)
            _writer.Write(value);
    }

    public void Add(string key, ReadOnlySpan<int> values)
    {
        BeginArray(key, ValueType.Int32, values.Length);
        foreach (int value in values)
            _writer.Write(value);
    }

    public void Dispose()
    {
        _writer.Dispose();
        _bytes.Dispose();
    }

    private void Begin(string key, ValueType type)
    {
        WriteText(_writer, key);
        _writer.Write((uint)type);
        Count++;
    }

    private void BeginArray(string key, ValueType type, int count)
    {
        Begin(key, ValueType.Array);
        _writer.Write((uint)type);
        _writer.Write((ulong)count);
    }
}
