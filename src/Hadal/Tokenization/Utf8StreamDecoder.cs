using System.Buffers;
using System.Text;

namespace Hadal.Tokenization;

/// <summary>
/// Decodes UTF-8 that arrives in parts, such as the bytes of tokens: a character split between parts is held back until
/// it is whole, and invalid bytes become U+FFFD exactly where decoding all the bytes at once would put them. One for
/// each stream; not thread-safe.
/// </summary>
public sealed class Utf8StreamDecoder
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Decodes the next part and writes the characters that are whole by now.</summary>
    /// <param name="bytes">The next bytes of the stream; may be empty.</param>
    /// <param name="output">Where the text goes.</param>
    public void Append(ReadOnlySpan<byte> bytes, IBufferWriter<char> output) =>
        Convert(bytes, output, flush: false);

    /// <summary>Ends the stream: what is still held back becomes U+FFFD. The decoder can then begin another stream.</summary>
    /// <param name="output">Where the text goes.</param>
    public void Flush(IBufferWriter<char> output) => Convert([], output, flush: true);

    private void Convert(ReadOnlySpan<byte> bytes, IBufferWriter<char> output, bool flush)
    {
        ArgumentNullException.ThrowIfNull(output);
        // Each byte gives at most one UTF-16 unit, and up to three held-back bytes may resolve as well.
        Span<char> chars = output.GetSpan(Encoding.UTF8.GetMaxCharCount(bytes.Length));
        _decoder.Convert(bytes, chars, flush, out _, out int written, out bool completed);
        if (!completed)
            throw new InvalidOperationException("UTF-8 decoding did not complete");
        output.Advance(written);
    }
}
