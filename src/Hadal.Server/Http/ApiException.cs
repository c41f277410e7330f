using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>A request is refused: what its response says.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">What was wrong, and what to do.</param>
/// <param name="inner">The error that led to this one, if any.</param>
internal sealed class ApiException(int status, string message, Exception? inner = null)
    : HadalException(message, inner)
{
    /// <summary>What fields of the request itself are below, in messages of <see cref="Json.JsonFields"/>.</summary>
    public const string Root = "request";

    /// <summary>The <see cref="Code"/> of a prompt that is longer than may be.</summary>
    public const string ContextLength = "context_length_exceeded";

    public int Status { get; } = status;

    /// <summary>The field that is wrong: <c>messages[2].content</c>; null where it is none.</summary>
    public string? Param { get; init; }

    /// <summary>A word for programs; null for none.</summary>
    public string? Code { get; init; }

    /// <summary>When to try again; null where that would not help.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>A field is not as it must be.</summary>
    /// <param name="param">The field's path.</param>
    /// <param name="problem">What it is, and what it must be.</param>
    /// <param name="inner">The error that led to this one, if any.</param>
    public static ApiException Field(string param, string problem, Exception? inner = null) =>
        new(StatusCodes.Status400BadRequest, $"{param}: {problem}", inner) { Param = param };

    /// <summary>The constructor, for readers of fields.</summary>
    public static ApiException Create(string message, Exception? inner)
    {
        const string below = $"{Root}.";
        if (message.StartsWith(below, StringComparison.Ordinal))
            message = message[below.Length..];
        int colon = message.IndexOf(": ", StringComparison.Ordinal);
        string path = message[..colon];
        return path == Root
            ? new(StatusCodes.Status400BadRequest, message, inner)
            : Field(path, message[(colon + 2)..], inner);
    }

    public static ApiException Loading(HadalModel model) =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            $"The model {model.Name} is being loaded; try again when /ready says so"
        )
        {
            Code = "model_loading",
            RetryAfterSeconds = 5,
        };

    public static ApiException Failed(HadalModel model) =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            $"The model {model.Name} could not be loaded; the server's log says why"
        )
        {
            Code = "model_failed",
        };

    public static ApiException Draining =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            "The server is stopping; try again, or ask another server"
        )
        {
            Code = "server_stopping",
            RetryAfterSeconds = 5,
        };

    public static ApiException Full(int limit) =>
        TooMany(
            $"{limit} requests are under way or wait, and no more may; try again later",
            "queue_full",
            1
        );

    /// <summary>More is asked than may be at once, or in a time.</summary>
    public static ApiException TooMany(string message, string code, int retryAfterSeconds) =>
        new(StatusCodes.Status429TooManyRequests, message)
        {
            Code = code,
            RetryAfterSeconds = retryAfterSeconds,
        };
}
