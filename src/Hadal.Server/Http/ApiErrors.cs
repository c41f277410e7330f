using System.Text.Json;
using Hadal.Chat;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>Errors as responses of OpenAI's API.</summary>
internal static class ApiErrors
{
    /// <summary>What an error means to the client; one that is not the client's tells nothing of the server.</summary>
    /// <param name="error">The error.</param>
    /// <param name="state">How far the model is: what was disposed of tells of a stop only then.</param>
    public static ApiException From(Exception error, HadalState state) =>
        error switch
        {
            ApiException api => api,
            ConversationException { Path: ApiException.Root } e => Bad(e, null),
            ConversationException e => Bad(e, e.Path),
            ContextLengthException or CacheTooSmallException => new(
                StatusCodes.Status400BadRequest,
                error.Message,
                error
            )
            {
                Code = ApiException.ContextLength,
            },
            GrammarException or TokenizerException => Bad(error, null),
            QueueFullException full => ApiException.Full(full.MaxQueuedRequests),
            ObjectDisposedException when state == HadalState.Draining => ApiException.Draining,
            BadHttpRequestException bad => new(bad.StatusCode, bad.Message, bad),
            _ => new(
                StatusCodes.Status500InternalServerError,
                "The server failed at this request; its log says why",
                error
            ),
        };

    /// <summary>Adds the event of an error to a stream.</summary>
    public static void Tell(ServerSentEvents stream, ApiException error) =>
        stream.Add(json => Write(json, error));

    /// <summary>The object of an error, with its braces.</summary>
    public static void Write(Utf8JsonWriter json, ApiException error)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", error.Message);
        json.WriteString(
            "type",
            error.Status switch
            {
                StatusCodes.Status429TooManyRequests => "rate_limit_error",
                >= 500 => "server_error",
                _ => "invalid_request_error",
            }
        );
        json.WriteString("param", error.Param);
        json.WriteString("code", error.Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static ApiException Bad(Exception error, string? param) =>
        new(StatusCodes.Status400BadRequest, error.Message, error) { Param = param };
}
