using System.Text.Json;
using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Messages;

/// <summary>Errors as responses of Anthropic's API.</summary>
internal static class MessageErrors
{
    // Agents look for these words, and make their conversation shorter.
    private const string TooLong = "prompt is too long: ";

    /// <summary>Adds the event of an error to a stream.</summary>
    public static void Tell(ServerSentEvents stream, ApiException error) =>
        stream.Add(json => Write(json, error), "error");

    /// <summary>The object of an error, with its braces.</summary>
    public static void Write(Utf8JsonWriter json, ApiException error)
    {
        json.WriteStartObject();
        json.WriteString("type", "error");
        json.WriteStartObject("error");
        json.WriteString("type", TypeOf(error.Status));
        json.WriteString(
            "message",
            error.Code == ApiException.ContextLength ? TooLong + error.Message : error.Message
        );
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string TypeOf(int status) =>
        status switch
        {
            StatusCodes.Status401Unauthorized => "authentication_error",
            StatusCodes.Status403Forbidden => "permission_error",
            StatusCodes.Status404NotFound => "not_found_error",
            StatusCodes.Status413PayloadTooLarge => "request_too_large",
            StatusCodes.Status429TooManyRequests => "rate_limit_error",
            StatusCodes.Status503ServiceUnavailable => "overloaded_error",
            >= 500 => "api_error",
            _ => "invalid_request_error",
        };
}
