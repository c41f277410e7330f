using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Hadal.Cli.Posix;
using Hadal.Server.Http;

namespace Hadal.Cli.Batching;

/// <summary>
/// The answers of a batch, a line each, in the file once it is written. What an interrupted run left is kept, but for a line that
/// is not whole. Any thread may write; one asks what was there.
/// </summary>
internal sealed class BatchOutput : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _line = new();

    // Custom ids by line of the input; null where the line has none that can be read.
    private readonly Dictionary<int, string?> _before = [];

    private BatchOutput(FileStream file) => _file = file;

    /// <summary>Lines that it had before.</summary>
    public int LinesBefore { get; private set; }

    /// <summary>Opens it for what is missing.</summary>
    /// <param name="path">The file; where there is none, it is made.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="UsageException">It is no output of a batch.</exception>
    /// <exception cref="IOException">It can't be had, as where another batch writes it.</exception>
    public static async Task<BatchOutput> OpenAsync(
        string path,
        CancellationToken cancellationToken
    )
    {
        if (Directory.Exists(path) || !FileIdentity.IsRegularOrMissing(path))
            throw new UsageException($"<output>: {path} is no plain file");
        // One write a line: what a process leaves that is killed are whole lines but for the last.
        var file = new FileStream(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.Read,
                BufferSize = 0,
            }
        );
        var output = new BatchOutput(file);
        try
        {
            // Readers may look on; a second batch would write the same answers.
            if (!OperatingSystem.IsMacOS())
                file.Lock(0, long.MaxValue);
            await output.ReadAsync(path, cancellationToken).ConfigureAwait(false);
            return output;
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    /// <summary>Whether a line of the input was answered before.</summary>
    /// <exception cref="UsageException">It has the answer to another line in that place.</exception>
    public bool Has(BatchRequest request)
    {
        if (!_before.Remove(request.Number, out string? id))
            return false;
        return id == request.CustomId
            ? true
            : throw OfAnother(
                $"line {request.Number} has the custom_id '{request.CustomId}', and was answered as '{id}'"
            );
    }

    /// <summary>Checks, after the last line of the input, that all that was answered before is there.</summary>
    /// <exception cref="UsageException">It has answers to lines that are not.</exception>
    public void CheckAllWereMet()
    {
        if (_before.Count > 0)
            throw OfAnother($"there is an answer to line {_before.Keys.Min()}, which is not there");
    }

    /// <summary>Adds an answer.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Write(BatchRequest request, OfflineReply reply)
    {
        lock (_lock)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, JsonReply.Writer))
            {
                json.WriteStartObject();
                json.WriteString("id", request.Id);
                json.WriteString("custom_id", request.CustomId);
                json.WriteStartObject("response");
                json.WriteNumber("status_code", reply.Status);
                json.WriteString("request_id", $"req_{Guid.NewGuid():N}");
                json.WritePropertyName("body");
                json.WriteRawValue(reply.Body.Span, skipInputValidation: true);
                json.WriteEndObject();
                json.WriteNull("error");
                json.WriteEndObject();
            }
            _line.Write("\n"u8);
            try
            {
                _file.Write(_line.WrittenSpan);
            }
            catch
            {
                // A part of the line may be there, and nothing may follow it.
                _file.Dispose();
                throw;
            }
        }
    }

    public void Dispose() => _file.Dispose();

    private async Task ReadAsync(string path, CancellationToken cancellationToken)
    {
        long whole = 0;
        int number = 0;
        await foreach (
            Line line in LineReader
                .ReadAsync(_file, Array.MaxLength, cancellationToken)
                .ConfigureAwait(false)
        )
        {
            if (!line.IsEnded)
                break;
            number++;
            if (Read(line.Content!) is not { } answer || !_before.TryAdd(answer.Number, answer.Id))
                throw new UsageException(
                    $"<output>: line {number} of {path} is no answer of a batch; nothing is written over it"
                );
            whole += line.Bytes;
        }
        LinesBefore = number;
        _file.SetLength(whole);
        _file.Position = whole;
    }

    /// <summary>Which line of the input a line answers; null where it answers none.</summary>
    private static (int Number, string? Id)? Read(byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            JsonElement root = document.RootElement;
            string? id = root.GetProperty("id").GetString();
            _ = root.GetProperty("response").GetProperty("status_code").GetInt32();
            return
                id?.StartsWith(BatchRequest.IdPrefix, StringComparison.Ordinal) is true
                && int.TryParse(
                    id.AsSpan(BatchRequest.IdPrefix.Length),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out int number
                )
                ? (number, root.GetProperty("custom_id").GetString())
                : null;
        }
        catch (Exception e)
            when (e
                    is JsonException
                        or KeyNotFoundException
                        or InvalidOperationException
                        or FormatException
            )
        {
            return null;
        }
    }

    private static UsageException OfAnother(string how) =>
        new($"<output> is of another input: {how}; give another file, or remove it");
}
