using System.Text.Json;

namespace Hadal.Json;

/// <summary>Reads a small JSON file as a whole.</summary>
internal static class JsonText
{
    private const int MaxDepth = 16;

    /// <param name="json">One JSON value.</param>
    /// <param name="name">What the error calls it.</param>
    /// <param name="error">Makes the error where it is not JSON.</param>
    /// <param name="read">Reads it; the element goes when it returns.</param>
    public static T Read<T>(
        ReadOnlyMemory<byte> json,
        string name,
        JsonError error,
        Func<JsonElement, T> read
    )
    {
        try
        {
            using var document = JsonDocument.Parse(
                json,
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false }
            );
            return read(document.RootElement);
        }
        // The latter is thrown for a string that is not UTF-8 or has a lone surrogate.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            string at = LastNameBeforeError(json.Span) is { } field ? $" at '{field}'" : "";
            throw error(
                $"{name}: {StandIn.Describe(json.Span) ?? $"is broken{at}: {e.Message}"}",
                e
            );
        }
    }

    /// <summary>The property that broken JSON breaks off at, such as one that is NaN.</summary>
    private static string? LastNameBeforeError(ReadOnlySpan<byte> json)
    {
        string? name = null;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName)
                    name = reader.GetString();
            }
            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return name;
        }
    }
}
