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
    public HadalModel Model => services.Model;

    public ChatEngine Chat => services.Model.Chat;

    public HadalOptions Options => services.Options;

    public ServerMetrics Metrics => services.Metrics;

    public RequestSlot Slot => slot;

    public Tenant Tenant => slot.Tenant;

    public JsonElement Body => body;

    /// <summary>Is cancelled when the client goes away, and when the request is refused.</summary>
    public CancellationToken Cancellation => slot.Cancellation;

    /// <summary>Counts it as several requests, as it makes several texts.</summary>
    /// <exception cref="ApiException">As many are under way as may, or it alone makes more.</exception>
    public void Widen(int texts) => services.Gate.Widen(slot, texts);

    /// <summary>Begins a stream of events.</summary>
    /// <param name="tellFailure">Adds the event that tells of an error, when the stream has begun.</param>
    public ServerSentEvents Stream(Action<ServerSentEvents, ApiException> tellFailure)
    {
        http.Features.Set(new StreamFailure(tellFailure));
        return new ServerSentEvents(http.Response, Cancellation);
    }

    /// <summary>Sends what comes as it comes.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="items">What comes; where the client leaves they are disposed, which gives their request up.</param>
    /// <param name="add">Adds the events of an item.</param>
    /// <param name="pause">Adds what tells that nothing came for a while; null for a comment.</param>
    public async Task StreamAsync<T>(
        ServerSentEvents stream,
        IAsyncEnumerable<T> items,
        Action<T> add,
        Action? pause = null
    )
    {
        await foreach (
            (bool came, T item) in items.WithPauses(Options.CommentInterval, Cancellation)
        )
        {
            if (came)
                add(item);
            else if (pause is not null)
                pause();
            else
                stream.AddComment("waiting");
            await stream.FlushAsync();
        }
    }

    /// <summary>Answers with JSON.</summary>
    public Task ReplyAsync(Action<Utf8JsonWriter> write) =>
        JsonReply.WriteAsync(http.Response, StatusCodes.Status200OK, write, Cancellation);
}
