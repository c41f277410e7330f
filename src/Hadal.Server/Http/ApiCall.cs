using System.Text.Json;
using Hadal.Answering;
using Hadal.Server.Metrics;
using Hadal.Server.Tenants;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>A request that was let in, its body read.</summary>
/// <param name="http">The request and its response.</param>
/// <param name="services">What endpoints work with.</param>
/// <param name="slot">Its place among those under way.</param>
/// <param name="body">The body, an object.</param>
internal sealed class ApiCall(
    HttpContext http,
    ApiServices services,
    RequestSlot slot,
    JsonElement body
)
{
    public HttpContext Http => http;

    public HadalModel Model => services.Model;

    public ChatEngine Chat => services.Model.Chat;

    public HadalOptions Options => services.Options;

    public ServerMetrics Metrics => services.Metrics;

    public RequestSlot Slot => slot;

    public Tenant Tenant => slot.Tenant;

    public JsonElement Body => body;

    /// <summary>Is cancelled when the client goes away, and when the request is refused.</summary>
    public CancellationToken Cancellation => slot.Cancellation;

    /// <summary>Says how an error is told of when the stream has begun, where that is not the API's usual event.</summary>
    public void TellsFailureBy(Action<ServerSentEvents, ApiException> tell) =>
        http.Features.Set(new StreamFailure(tell));

    /// <summary>Begins a stream of events.</summary>
    public ServerSentEvents Stream() => new(http.Response, Cancellation);

    /// <summary>Answers with JSON.</summary>
    public Task ReplyAsync(Action<Utf8JsonWriter> write) =>
        JsonReply.WriteAsync(http.Response, StatusCodes.Status200OK, write, Cancellation);
}
