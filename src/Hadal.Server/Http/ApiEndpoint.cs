using System.Text.Json;
using Hadal.Server.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Server.Http;

/// <summary>
/// Endpoints whose requests are checked, bounded and counted before they are handled, and whose errors become responses.
/// </summary>
internal static class ApiEndpoint
{
    /// <summary>Writes an error's object in the words of an API.</summary>
    public delegate void ErrorWriter(Utf8JsonWriter json, ApiException error);

    /// <summary>Maps a request with a body of JSON, which the model is to answer.</summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="path">Its path.</param>
    /// <param name="handle">Answers it.</param>
    /// <param name="writeError">Writes errors; null as OpenAI's API has them.</param>
    public static void MapApi(
        this IEndpointRouteBuilder endpoints,
        string path,
        Func<ApiCall, Task> handle,
        ErrorWriter? writeError = null
    )
    {
        ApiServices services = endpoints.ServiceProvider.GetRequiredService<ApiServices>();
        endpoints.MapPost(
            path,
            http =>
                AnswerAsync(
                    http,
                    services,
                    writeError ?? ApiErrors.Write,
                    async () =>
                    {
                        services.Checks.Host(http.Request);
                        Tenant tenant = services.Checks.Key(http.Request);
                        RequestChecks.ContentType(http.Request);
                        await HandleAsync(http, services, tenant, handle);
                    }
                )
        );
    }

    /// <summary>Maps a request without body, which needs no model.</summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="path">Its path.</param>
    /// <param name="handle">Answers it.</param>
    /// <param name="access">Who may ask.</param>
    /// <param name="method">The request's method.</param>
    /// <returns>Adds to the endpoint.</returns>
    public static IEndpointConventionBuilder MapQuery(
        this IEndpointRouteBuilder endpoints,
        string path,
        Func<HttpContext, ApiServices, Task> handle,
        QueryAccess access = QueryAccess.Tenants,
        string method = "GET"
    )
    {
        ApiServices services = endpoints.ServiceProvider.GetRequiredService<ApiServices>();
        return endpoints.MapMethods(
            path,
            [method],
            http =>
                AnswerAsync(
                    http,
                    services,
                    ApiErrors.Write,
                    async () =>
                    {
                        services.Checks.Host(http.Request);
                        services.Checks.Access(http.Request, access);
                        await handle(http, services);
                    }
                )
        );
    }

    /// <summary>Maps what no other endpoint has, so that clients are told of it in the API's own form.</summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="path">The paths.</param>
    /// <param name="writeError">Writes errors; null as OpenAI's API has them.</param>
    public static void MapUnknown(
        this IEndpointRouteBuilder endpoints,
        string path,
        ErrorWriter? writeError = null
    )
    {
        ApiServices services = endpoints.ServiceProvider.GetRequiredService<ApiServices>();
        endpoints.Map(
            path,
            http =>
                AnswerAsync(
                    http,
                    services,
                    writeError ?? ApiErrors.Write,
                    () =>
                    {
                        services.Checks.Host(http.Request);
                        throw new ApiException(
                            StatusCodes.Status404NotFound,
                            $"There is no {http.Request.Method} {QuotedText.Shorten(http.Request.Path)} here"
                        )
                        {
                            Code = "unknown_url",
                        };
                    }
                )
        );
    }

    private static async Task HandleAsync(
        HttpContext http,
        ApiServices services,
        Tenant tenant,
        Func<ApiCall, Task> handle
    )
    {
        switch (services.Model.State)
        {
            case HadalState.Loading:
                throw ApiException.Loading(services.Model);
            case HadalState.Failed:
                throw ApiException.Failed(services.Model);
            case HadalState.Draining:
                throw ApiException.Draining;
        }
        using RequestSlot slot = services.Gate.Enter(tenant, http.RequestAborted);
        try
        {
            using JsonDocument body = await RequestBody.ReadAsync(
                http.Request,
                services.Options,
                slot.Cancellation
            );
            await handle(new ApiCall(http, services, slot, body.RootElement));
        }
        catch (OperationCanceledException) when (slot.Refusal is { } refusal)
        {
            throw refusal;
        }
    }

    private static async Task AnswerAsync(
        HttpContext http,
        ApiServices services,
        ErrorWriter writeError,
        Func<Task> answer
    )
    {
        try
        {
            await answer();
        }
        // Nobody is there to read of it.
        catch (Exception e)
            when (http.RequestAborted.IsCancellationRequested
                && e is OperationCanceledException or IOException or ApiException
            ) { }
        catch (Exception e)
        {
            ApiException error = ApiErrors.From(e, services.Model.State);
            if (error.Status == StatusCodes.Status500InternalServerError)
                services.LogFailed(http.Request.Path, e);
            if (http.RequestAborted.IsCancellationRequested)
                return;
            if (http.Response.HasStarted)
            {
                await TellInStreamAsync(http, error);
                return;
            }
            http.Response.Clear();
            if (error.RetryAfterSeconds is { } seconds)
                http.Response.Headers.RetryAfter = seconds.ToString(
                    System.Globalization.CultureInfo.InvariantCulture
                );
            if (error.Status == StatusCodes.Status401Unauthorized)
                http.Response.Headers.WWWAuthenticate = "Bearer";
            await JsonReply.WriteAsync(
                http.Response,
                error.Status,
                json => writeError(json, error),
                http.RequestAborted
            );
        }
    }

    private static async Task TellInStreamAsync(HttpContext http, ApiException error)
    {
        // An answer that is no stream can't say that it is cut but by the connection's end.
        if (http.Features.Get<StreamFailure>() is not { } failure)
        {
            http.Abort();
            return;
        }
        var stream = new ServerSentEvents(http.Response, http.RequestAborted);
        failure.Tell(stream, error);
        await stream.FlushAsync();
    }
}
