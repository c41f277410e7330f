using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder.File("out.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read()
    {
        using (
            var writer = SafetensorsWriter.Create(
                Path,
                [
                    new("codes", DType.F8E4M3, 3),
                    new("floats\n\"é", DType.F32, 2, 2),
                    new("scalar", DType.I64),
                    new("none", DType.BF16, 0, 4),
                ],
                new Dictionary<string, string> { ["format"] = "pt" }
            )
        )
        {
            writer.Write<float>("floats\n\"é", [1, 2, 3]);
            writer.Write<byte>("codes", [7, 8, 9]);
            writer.Write<long>("scalar", [-1]);
            writer.Write<float>("floats\n\"é", [4]);
            writer.Complete();
        }
        using var file = SafetensorsFile.Open(Path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([1f, 2f, 3f, 4f], file["floats\n\"é"].AsSpan<float>());
        Assert.Equal([2L, 2L], file["floats\n\"é"].Shape);
        Assert.Equal([7, 8, 9], file["codes"].Bytes.ToArray());
        Assert.Equal(-1, file["scalar"].AsSpan<long>()[0]);
        Assert.Equal([0L, 4L], file["none"].Shape);
        foreach (TensorView tensor in file.Tensors.Values)
            Assert.Equal(0, tensor.Offset % (tensor.DType.Bits / 8));
    }

    [Fact]
    public void A_golden_file_is_rewritten()
    {
        string golden = System.IO.Path.Combine(Paths.Goldens, "ops-routing.safetensors");
        using var source = SafetensorsFile.Open(golden);
        TensorView[] tensors = [.. source.Tensors.Values.OrderBy(t => t.Offset)];
        using (
            var writer = SafetensorsWriter.Create(
                Path,
                tensors.Select(t => new TensorDeclaration(t.Name, t.DType, [.. t.Shape])),
                source.Metadata
            )
        )
        {
            foreach (TensorView tensor in tensors.Reverse())
                writer.Write(tensor.Name, tensor.Bytes);
            writer.Complete();
        }
        using var copy = SafetensorsFile.Open(Path);
        Assert.Equal(source.Tensors.Count, copy.Tensors.Count);
        foreach (TensorView tensor in tensors)
        {
            Assert.Equal(tensor.ToString(), copy[tensor.Name].ToString());
            Assert.True(tensor.Bytes.SequenceEqual(copy[tensor.Name].Bytes));
        }
    }

    [Fact]
    public void Memory_does_not_grow_with_the_file()
    {
        const int chunks = 1024;
        var chunk = new float[16384];
        using var writer = SafetensorsWriter.Create(
            Path,
            [new("t", DType.F32, chunks, chunk.Length)]
        );
        writer.Write<float>("t", chunk);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 1; i < chunks; i++)
            writer.Write<float>("t", chunk);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, chunk.Length);
        writer.Complete();
    }

    [Fact]
    public void Too_much_and_undeclared_data_is_refused()
    {
        using var writer = SafetensorsWriter.Create(Path, [new("t", DType.F32, 2)]);
        writer.Write<float>("t", [1]);
        var error = Assert.Throws<ArgumentException>(() => writer.Write<float>("t", [2, 3]));
        Assert.Contains(
            "8 bytes for 't', which has room for 4",
            error.Message,
            StringComparison.Ordinal
        );
        error = Assert.Throws<ArgumentException>(() => writer.Write<float>("u", [2]));
        Assert.Contains("'u' was not declared", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_incomplete_file_is_deleted()
    {
        var writer = SafetensorsWriter.Create(Path, [new("t", DType.F32, 2)]);
        writer.Write<float>("t", [1]);
        var error = Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.Contains("'t' still lacks 4 bytes", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path));
        writer.Dispose();
        writer.Dispose();
        Assert.False(File.Exists(Path));
        Assert.Throws<ObjectDisposedException>(() => writer.Write<float>("t", [1]));
        Assert.Throws<ObjectDisposedException>(writer.Complete);
    }

    [Fact]
    public void Impossible_declarations_are_refused()
    {
        TensorDeclaration good = new("t", DType.F32, 2);
        TensorDeclaration[][] bad =
        [
            [good, good],
            [good with { Name = "__metadata__" }],
            [good with { Shape = [-1] }],
            [good with { Shape = [long.MaxValue] }],
            [good with { Shape = [long.MaxValue / 8] }, new("u", DType.U8, long.MaxValue)],
            [good with { DType = DType.F4, Shape = [3] }],
            [good with { Shape = [.. Enumerable.Repeat(1L, 65)] }],
        ];
        Assert.All(
            bad,
            tensors =>
                Assert.Throws<ArgumentException>(() =>
                    SafetensorsWriter.Create(Path, tensors).Dispose()
                )
        );
        Assert.False(File.Exists(Path));
    }
}
