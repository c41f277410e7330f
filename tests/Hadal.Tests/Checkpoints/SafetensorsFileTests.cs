using System.Text;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_are_read_in_place()
    {
        using SafetensorsFile file = Open(
            """
            {"__metadata__":{"format":"pt","é":""},
             "b":{"dtype":"F32","shape":[1,2],"data_offsets":[3,11]},
             "a":{"data_offsets":[0,3],"shape":[3],"dtype":"F8_E4M3","later":{"more":[1,[2]]}},
             "empty":{"dtype":"BF16","shape":[2,0],"data_offsets":[3,3]},
             "scalar":{"dtype":"I16","shape":[],"data_offsets":[11,13]},
             "nothing":{"dtype":"U64","shape":[0],"data_offsets":[13,13]}}
            """,
            [1, 2, 3, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0xFE, 0xFF]
        );
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("", file.Metadata["é"]);
        Assert.Equal(5, file.Tensors.Count);
        Assert.Equal([1f, -2f], file["b"].AsSpan<float>());
        Assert.Equal([1L, 2L], file["b"].Shape);
        Assert.Equal([1, 2, 3], file["a"].Bytes.ToArray());
        Assert.Equal(DType.F8E4M3, file["a"].DType);
        Assert.Equal(0, file["empty"].Bytes.Length);
        Assert.Equal(-2, file["scalar"].AsSpan<short>()[0]);
        Assert.Equal(1, file["scalar"].ElementCount);
        Assert.Equal("b F32 [1, 2]", file["b"].ToString());
    }

    [Fact]
    public void A_file_may_have_no_tensors()
    {
        using SafetensorsFile file = Open("{}      ", []);
        Assert.Empty(file.Tensors);
        Assert.Empty(file.Metadata);
    }

    [Theory]
    [InlineData("F4", 4)]
    [InlineData("F6_E2M3", 6)]
    [InlineData("F6_E3M2", 6)]
    [InlineData("BOOL", 8)]
    [InlineData("U8", 8)]
    [InlineData("I8", 8)]
    [InlineData("F8_E5M2", 8)]
    [InlineData("F8_E4M3", 8)]
    [InlineData("F8_E8M0", 8)]
    [InlineData("I16", 16)]
    [InlineData("U16", 16)]
    [InlineData("F16", 16)]
    [InlineData("BF16", 16)]
    [InlineData("I32", 32)]
    [InlineData("U32", 32)]
    [InlineData("F32", 32)]
    [InlineData("C64", 64)]
    [InlineData("F64", 64)]
    [InlineData("I64", 64)]
    [InlineData("U64", 64)]
    public void Every_dtype_of_the_format_is_read(string name, int bits)
    {
        using SafetensorsFile file = Open(
            $$"""{"t":{"dtype":"{{name}}","shape":[2,4],"data_offsets":[0,{{bits}}]} }""",
            new byte[bits]
        );
        Assert.Equal(name, file["t"].DType.Name);
        Assert.Equal(bits, file["t"].DType.Bits);
        Assert.Equal(8, file["t"].ElementCount);
        Assert.Equal(
            name.Replace("_", "", StringComparison.Ordinal),
            file["t"].DType.ToString(),
            ignoreCase: true
        );
    }

    [Theory]
    [InlineData("", "must be a JSON object")]
    [InlineData(" {}", "must be a JSON object")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("{", "broken")]
    [InlineData("{}{}", "broken")]
    [InlineData("{}\0", "broken")]
    [InlineData("""{"t":0}""", "'t' is a JSON Number, must be an object")]
    [InlineData("""{"t":{}}""", "must have dtype, shape and two data_offsets")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4]}}""", "must have dtype, shape and two")]
    [InlineData("""{"t":{"dtype":"U8","data_offsets":[0,4]}}""", "must have dtype, shape")]
    [InlineData("""{"t":{"shape":[4],"data_offsets":[0,4]}}""", "must have dtype, shape")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0]}}""", "must have dtype")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}""", "at most 2")]
    [InlineData("""{"t":{"dtype":"F7","shape":[4],"data_offsets":[0,4]}}""", "unknown dtype 'F7'")]
    [InlineData("""{"t":{"dtype":"u8","shape":[4],"data_offsets":[0,4]}}""", "unknown dtype 'u8'")]
    [InlineData("""{"t":{"dtype":8,"shape":[4],"data_offsets":[0,4]}}""", "'t.dtype' is a JSON")]
    [InlineData("""{"t":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}""", "'t.shape' is a JSON")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":"04"}}""", "'t.data_offsets' is")]
    [InlineData("""{"t":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "from 0 to 2^63")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}""", "from 0 to 2^63")]
    [InlineData("""{"t":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}""", "from 0 to 2^63")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}""", "from 0 to 2^63")]
    [InlineData(
        """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551620]}}""",
        "from 0 to 2^63"
    )]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "must ascend")]
    [InlineData(
        """{"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""",
        "cut short, download it again"
    )]
    [InlineData("""{"t":{"dtype":"U8","shape":[3],"data_offsets":[0,4]}}""", "U8 [3] takes")]
    [InlineData("""{"t":{"dtype":"F4","shape":[7],"data_offsets":[0,4]}}""", "F4 [7] takes")]
    [InlineData("""{"t":{"dtype":"F6_E2M3","shape":[5],"data_offsets":[0,4]}}""", "takes")]
    [InlineData(
        """{"t":{"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}""",
        "takes"
    )]
    [InlineData(
        """{"t":{"dtype":"U8","shape":[4294967296,4294967296,4294967296,4294967296],"data_offsets":[0,0]}}""",
        "takes"
    )]
    [InlineData(
        """{"t":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,4]}}""",
        "takes"
    )]
    [InlineData("""{"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "must have the")]
    [InlineData("""{"t":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "after a hole")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "'b' begins at data offset 2, inside the tensor before"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "after a hole; it must begin at 1"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "'a' occurs twice"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "'a.dtype' occurs twice"
    )]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "'__metadata__' occurs twice")]
    [InlineData("""{"__metadata__":{"a":"","a":""}}""", "'__metadata__.a' occurs twice")]
    [InlineData("""{"__metadata__":{"a":1}}""", "must be a string")]
    [InlineData("""{"__metadata__":"a"}""", "must be an object")]
    [InlineData("""{"\ud800":{}}""", "broken")]
    [InlineData("""{"t":{"x":[[[[[[[[[[[[]]]]]]]]]]]]}}""", "depth")]
    [InlineData("""{"t":{"dtype":"U8",/**/"shape":[4],"data_offsets":[0,4]}}""", "broken")]
    public void A_broken_header_is_refused(string header, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Open(header, new byte[4]));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("t.safetensors", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_name_is_quoted_safely()
    {
        string name = "\\u001b[2J" + new string('x', 100_000);
        var error = Assert.Throws<CheckpointException>(() => Open($$"""{"{{name}}":0}""", []));
        Assert.Contains("'\\u001b[2Jxx", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 1000, 1100);
    }

    [Fact]
    public void Invalid_utf8_is_refused()
    {
        byte[] header = "{\"?\":{}}"u8.ToArray();
        header[2] = 0xFF;
        Assert.Throws<CheckpointException>(() => Open(header, []));
    }

    [Fact]
    public void Too_many_dimensions_are_refused()
    {
        string shape = string.Join(',', Enumerable.Repeat("1", 65));
        var error = Assert.Throws<CheckpointException>(() =>
            Open($$"""{"t":{"dtype":"U8","shape":[{{shape}}],"data_offsets":[0,1]} }""", [0])
        );
        Assert.Contains("at most 64", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3L, "has 10 bytes, its header alone takes 11: it was cut short, download it again")]
    [InlineData(100_000_001L, "must be at most 100000000")]
    [InlineData(long.MaxValue, "must be at most 100000000")]
    [InlineData(-1L, "is no safetensors file")]
    public void A_header_length_beyond_the_file_is_refused(long length, string message)
    {
        byte[] bytes = [.. BitConverter.GetBytes(length), 0, 0];
        Assert.Contains(message, Refusal(bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "is empty")]
    [InlineData(7, "must have at least 8")]
    public void A_file_shorter_than_the_length_field_is_refused(int bytes, string message) =>
        Assert.Contains(message, Refusal(new byte[bytes]), StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_and_a_folder_are_refused()
    {
        var error = Assert.Throws<CheckpointException>(() =>
            SafetensorsFile.Open(_folder.File("none"))
        );
        Assert.Contains("none: can't be read", error.Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder.Path));
    }

    [Fact]
    public void A_missing_tensor_is_named()
    {
        using SafetensorsFile file = Open("{}", []);
        var error = Assert.Throws<CheckpointException>(() => file["a"]);
        Assert.Contains("no tensor 'a'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Use_after_dispose_is_refused()
    {
        SafetensorsFile file = Open(
            """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
            new byte[4]
        );
        TensorView tensor = file["t"];
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tensor.Bytes.Length);
        Assert.Throws<ObjectDisposedException>(() => tensor.AsSpan<byte>().Length);
        Assert.Throws<ObjectDisposedException>(() => file["t"].Bytes.Length);
        Assert.Equal("t", tensor.Name);
    }

    [Fact]
    public void A_span_of_another_size_is_refused()
    {
        using SafetensorsFile file = Open(
            """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
            new byte[4]
        );
        Assert.Throws<InvalidOperationException>(() => file["t"].AsSpan<float>().Length);
        Assert.Throws<InvalidOperationException>(() => default(TensorView).Bytes.Length);
    }

    /// <summary>A sparse file far larger than memory opens, and its far end is read.</summary>
    [Fact]
    public void A_huge_file_is_not_read()
    {
        const long size = 1L << 40;
        byte[] header = Encoding.UTF8.GetBytes(
            $$"""{"t":{"dtype":"F32","shape":[{{size / 4}}],"data_offsets":[0,{{size}}]} }"""
        );
        using (FileStream stream = File.Create(_folder.File("t.safetensors")))
        {
            Write(stream, header);
            stream.SetLength(8 + header.Length + size);
        }
        using var file = SafetensorsFile.Open(_folder.File("t.safetensors"));
        Assert.Equal(size, file["t"].ByteLength);
        unsafe
        {
            Assert.Equal(0, file["t"].Data[size - 1]);
        }
        Assert.Throws<InvalidOperationException>(() => file["t"].AsSpan<float>().Length);
    }

    private string Refusal(byte[] content)
    {
        File.WriteAllBytes(_folder.File("t.safetensors"), content);
        return Assert
            .Throws<CheckpointException>(() => SafetensorsFile.Open(_folder.File("t.safetensors")))
            .Message;
    }

    private SafetensorsFile Open(string header, byte[] data) =>
        Open(Encoding.UTF8.GetBytes(header), data);

    private SafetensorsFile Open(byte[] header, byte[] data)
    {
        using (FileStream stream = File.Create(_folder.File("t.safetensors")))
        {
            Write(stream, header);
            stream.Write(data);
        }
        return SafetensorsFile.Open(_folder.File("t.safetensors"));
    }

    private static void Write(FileStream stream, byte[] header)
    {
        stream.Write(BitConverter.GetBytes((long)header.Length));
        stream.Write(header);
    }
}
