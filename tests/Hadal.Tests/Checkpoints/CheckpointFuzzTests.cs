using System.Buffers.Binary;
using System.Text;
using Hadal.Checkpoints;

namespace Hadal.Tests.Checkpoints;

/// <summary>
/// Mutates a small checkpoint, the same way on every run: whatever it has become, it opens or is refused with a
/// <see cref="CheckpointException"/>, in bounded time and memory.
/// </summary>
public sealed class CheckpointFuzzTests
{
    private const int Rounds = 1000;
    private const long MaxAllocatedBytes = 64 << 20;

    private static readonly string[] Values =
    [
        "-1",
        "0",
        "1",
        "64",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "1e308",
        "1e999",
        "NaN",
        "-Infinity",
        "1.5",
        "null",
        "true",
        "\"\"",
        "\"F4\"",
        "\"../x.safetensors\"",
        "\"\\ud800\"",
        "\"\\u202e\\u001b[2J\"",
        "[]",
        "{}",
        "[0,0]",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
    ];

    private static readonly string[] Shards =
    [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];

    [Fact]
    public void Mutated_headers_are_read_or_refused() => Fuzz(1, Shards, MutateHeader);

    [Fact]
    public void Mutated_lengths_are_read_or_refused() => Fuzz(2, Shards, MutateLength);

    [Fact]
    public void Mutated_configs_are_read_or_refused() => Fuzz(3, ["config.json"], MutateText);

    [Fact]
    public void Mutated_indexes_are_read_or_refused() =>
        Fuzz(4, [TestCheckpoints.Index], MutateText);

    private static void Fuzz(int seed, string[] files, Func<Random, Content, Content> mutate)
    {
        using var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        Dictionary<string, Content> originals = files.ToDictionary(
            name => name,
            name => Content.Read(folder.File(name))
        );
        foreach ((string name, Content original) in originals)
            original.Write(folder.File(name));
        Assert.True(Opens(folder.Path));
        var random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < Rounds; round++)
        {
            string name = files[random.Next(files.Length)];
            mutate(random, originals[name]).Write(folder.File(name));
            long before = GC.GetAllocatedBytesForCurrentThread();
            refused += Opens(folder.Path) ? 0 : 1;
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.InRange(allocated, 0, MaxAllocatedBytes);
            originals[name].Write(folder.File(name));
        }
        // Were few refused, the mutations or the checks would be void.
        Assert.InRange(refused, Rounds / 2, Rounds);
    }

    private static bool Opens(string folder)
    {
        try
        {
            using var checkpoint = Checkpoint.Open(folder);
            ReadEnds(checkpoint);
            return true;
        }
        catch (CheckpointException e)
        {
            Assert.InRange(e.Message.Length, 1, 51 * 6 * 1010);
            Assert.DoesNotContain(e.Message, c => char.IsControl(c) && c != '\n');
            return false;
        }
    }

    /// <summary>A view that reaches beyond its map would fault here.</summary>
    private static unsafe void ReadEnds(Checkpoint checkpoint)
    {
        int sum = 0;
        foreach (TensorView tensor in checkpoint.Tensors.Values)
        {
            if (tensor.ByteLength > 0)
                sum += tensor.Data[0] + tensor.Data[tensor.ByteLength - 1];
        }
        Assert.NotEqual(-1, sum);
    }

    private static Content MutateText(Random random, Content file)
    {
        byte[] text = MutateJson(random, [.. file.Start]);
        return new Content(text, text.Length);
    }

    private static Content MutateHeader(Random random, Content file)
    {
        byte[] header = MutateJson(random, file.Start[8..]);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return new Content(
            [.. length, .. header],
            file.Length - file.Start.Length + 8 + header.Length
        );
    }

    private static Content MutateLength(Random random, Content file)
    {
        byte[] start = [.. file.Start];
        switch (random.Next(5))
        {
            case 0: // Truncate anywhere.
                return file with { Length = random.NextInt64(file.Length) };
            case 1: // Truncate in the header.
                return file with { Length = random.NextInt64(start.Length) };
            case 2: // Append.
                return file with { Length = file.Length + random.NextInt64(1, 100) };
            case 3: // Flip a bit of the header's length.
                start[random.Next(8)] ^= (byte)(1 << random.Next(8));
                return file with { Start = start };
            default: // Any length.
                BinaryPrimitives.WriteInt64LittleEndian(
                    start,
                    random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64)
                );
                return file with { Start = start };
        }
    }

    private static byte[] MutateJson(Random random, byte[] json)
    {
        switch (random.Next(6))
        {
            case 0: // Flip a bit.
                json[random.Next(json.Length)] ^= (byte)(1 << random.Next(8));
                return json;
            case 1: // Cut a piece out.
                int from = random.Next(json.Length);
                int to = Math.Min(json.Length, from + random.Next(1, 200));
                return [.. json[..from], .. json[to..]];
            case 2: // Repeat a piece.
                int begin = random.Next(json.Length);
                int end = Math.Min(json.Length, begin + random.Next(1, 200));
                return [.. json[..end], .. json[begin..]];
            case 3: // Nest.
                int at = random.Next(json.Length);
                byte[] brackets = new byte[random.Next(1, 100_000)];
                brackets.AsSpan().Fill(random.Next(2) == 0 ? (byte)'[' : (byte)'{');
                return [.. json[..at], .. brackets, .. json[at..]];
            case 4: // Change a digit.
                int[] digits = [.. Indexes(json, static c => char.IsAsciiDigit((char)c))];
                json[digits[random.Next(digits.Length)]] = (byte)('0' + random.Next(10));
                return json;
            default: // Replace a value.
                int[] colons = [.. Indexes(json, static c => c == ':')];
                int value = colons[random.Next(colons.Length)] + 1;
                int stop = value + json.AsSpan(value).IndexOfAny(",}]"u8);
                return
                [
                    .. json[..value],
                    .. Encoding.UTF8.GetBytes(Values[random.Next(Values.Length)]),
                    .. json[stop..],
                ];
        }
    }

    private static IEnumerable<int> Indexes(byte[] json, Func<byte, bool> found) =>
        Enumerable.Range(0, json.Length).Where(i => found(json[i]));

    /// <summary>A file by its first bytes, for a shard its header; the weights after them may as well be zeros.</summary>
    private sealed record Content(byte[] Start, long Length)
    {
        public static Content Read(string path)
        {
            byte[] bytes = File.ReadAllBytes(path);
            int start = path.EndsWith(".safetensors", StringComparison.Ordinal)
                ? 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes)
                : bytes.Length;
            return new Content(bytes[..start], bytes.Length);
        }

        public void Write(string path)
        {
            // Truncating an existing file to nothing makes some file systems flush it to the disk, 10 ms each.
            using FileStream stream = File.OpenWrite(path);
            stream.Write(Start);
            stream.SetLength(Length);
        }
    }
}
