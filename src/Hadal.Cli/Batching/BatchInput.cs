using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Hadal.Json;
using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Cli.Batching;

/// <summary>Reads a batch in OpenAI's format. Whatever is wrong with a line is that line's error.</summary>
/// <param name="path">The file.</param>
/// <param name="maxBodyBytes">The most bytes of a request's body.</param>
internal sealed class BatchInput(string path, int maxBodyBytes)
{
    /// <summary>A line has the body's bytes and these at most.</summary>
    private const int MostAroundBody = 1 << 16;

    /// <summary>Deeper than bodies may be, so that a deep one is refused as the server refuses it.</summary>
    private const int MaxDepth = 256;

    /// <summary>The endpoints that batches may ask.</summary>
    private static readonly string[] s_paths =
    [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
    ];

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>All lines but empty ones.</summary>
    public async IAsyncEnumerable<BatchRequest> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        FileStream file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
        {
            var ids = new Dictionary<string, int>(StringComparer.Ordinal);
            int number = 0;
            int most = (int)Math.Min((long)maxBodyBytes + MostAroundBody, Array.MaxLength);
            IAsyncEnumerable<Line> lines = LineReader.ReadAsync(file, most, cancellationToken);
            await foreach (Line line in lines.ConfigureAwait(false))
            {
                number++;
                if (line.Content is null || !IsEmpty(line.Content))
                    yield return Read(new BatchRequest(number, line.Bytes), line.Content, ids);
            }
        }
    }

    private static BatchRequest Read(
        BatchRequest request,
        byte[]? content,
        Dictionary<string, int> ids
    )
    {
        string? id = null;
        try
        {
            if (content is null)
                throw new ApiException(
                    StatusCodes.Status413PayloadTooLarge,
                    "The line is longer than a request may be"
                );
            ReadOnlyMemory<byte> json = content.AsMemory(
                request.Number == 1 && content.AsSpan().StartsWith(ByteOrderMark) ? 3 : 0
            );
            using var document = JsonDocument.Parse(
                json,
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false }
            );
            var line = new JsonFields(document.RootElement, ApiException.Root, ApiException.Create);
            id = line.Text("custom_id");
            CheckId(id, request.Number, ids);
            if (line.Text("method") != HttpMethods.Post)
                throw ApiException.Field("method", $"is '{line.Text("method")}'; it must be POST");
            return request with { CustomId = id, Path = ReadPath(line), Body = ReadBody(line) };
        }
        catch (ApiException e)
        {
            return request with { CustomId = id, Error = e };
        }
        // The latter: a name with half of a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return request with
            {
                CustomId = id,
                Error = new ApiException(
                    StatusCodes.Status400BadRequest,
                    $"The line is not JSON: {e.Message}",
                    e
                )
                {
                    Code = "invalid_json_line",
                },
            };
        }
    }

    private static void CheckId(string id, int number, Dictionary<string, int> ids)
    {
        if (id.Length == 0)
            throw ApiException.Field("custom_id", "is empty; it must have a character");
        if (!ids.TryAdd(id, number))
            throw new ApiException(
                StatusCodes.Status400BadRequest,
                $"custom_id: '{id}' is that of line {ids[id]} too; each must have its own"
            )
            {
                Param = "custom_id",
                Code = "duplicate_custom_id",
            };
    }

    private static string ReadPath(JsonFields line)
    {
        string path = line.Text("url");
        return s_paths.Contains(path)
            ? path
            : throw new ApiException(
                StatusCodes.Status400BadRequest,
                $"url: is '{path}'; it must be one of {string.Join(", ", s_paths)}"
            )
            {
                Param = "url",
                Code = "invalid_url",
            };
    }

    private static ReadOnlyMemory<byte> ReadBody(JsonFields line)
    {
        JsonFields body = line.Object("body");
        if (body.Optional("stream") is { ValueKind: JsonValueKind.True })
            throw ApiException.Field("stream", "must not be true: a batch has whole answers");
        return JsonMarshal.GetRawUtf8Value(line.Get("body")).ToArray();
    }

    private static bool IsEmpty(ReadOnlySpan<byte> content) => content.Trim(" \t\r"u8).IsEmpty;
}
