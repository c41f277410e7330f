using System.Security.Cryptography;

namespace Hadal.Checkpoints;

/// <summary>
/// Tells a checkpoint from others of the same shapes, such as its own fine-tunes, at the price of a page of disk a tensor: a
/// hash of the configuration's text, the headers of the files of weights, and some bytes of the middle of every tensor.
/// </summary>
internal sealed unsafe class CheckpointFingerprint
{
    // Aligned in the file, so that a sample is in one page of it.
    private const int SampleBytes = 512;

    private readonly byte[] _config;
    private readonly List<(nint Start, int Length)> _headers = [];
    private readonly List<(nint Start, int Length)> _samples = [];
    private readonly Lazy<string> _value;

    /// <summary>Notes where the bytes are, and reads none.</summary>
    /// <param name="checkpoint">An open checkpoint, whose files must be held until <see cref="Value"/> is known.</param>
    public CheckpointFingerprint(Checkpoint checkpoint)
    {
        _config = checkpoint.ConfigText;
        foreach (SafetensorsFile file in checkpoint.Files)
        {
            ReadOnlySpan<byte> header = file.Header;
            fixed (byte* start = header)
                _headers.Add(((nint)start, header.Length));
            foreach (TensorView tensor in file.Tensors.Values)
            {
                long middle = (tensor.Offset + tensor.ByteLength / 2) / SampleBytes * SampleBytes;
                long from = Math.Max(middle - tensor.Offset, 0);
                long to = Math.Min(middle - tensor.Offset + SampleBytes, tensor.ByteLength);
                _samples.Add(((nint)(tensor.Data + from), (int)(to - from)));
            }
        }
        _value = new Lazy<string>(Compute);
    }

    /// <summary>SHA-256 in hexadecimal digits.</summary>
    public string Value => _value.Value;

    private string Compute()
    {
        // At once, as each may wait for the disk.
        var samples = new byte[_samples.Count][];
        Parallel.For(0, samples.Length, i => samples[i] = Span(_samples[i]).ToArray());

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(BitConverter.GetBytes(_config.LongLength));
        hash.AppendData(_config);
        // Each tells its own length, and those of its tensors.
        foreach ((nint Start, int Length) header in _headers)
            hash.AppendData(Span(header));
        foreach (byte[] sample in samples)
            hash.AppendData(sample);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static ReadOnlySpan<byte> Span((nint Start, int Length) bytes) =>
        new((void*)bytes.Start, bytes.Length);
}
