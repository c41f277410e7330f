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
    /// <param name="errorEvent">The name of an event that is an error in a stream; null for none.</param>
    public static void MapApi(
        this IEndpointRouteBuilder endpoints,
        string path,
        Func<ApiCall, Task> handle,
        ErrorWriter? writeError = null,
        string? errorEvent = null
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
                    errorEvent,
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
                    null,
                    async () =>
                    {
                        services.Checks.Host(http.Request);
                        services.Checks.Access(http.Request, access);
                        await handle(http, services);
                    }
                )
        );
    }

    /// <summary>Maps what no other endpoint has, so that clients are told in their own words that it is not there.</summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="path">The paths.</param>
    public static void MapUnknown(this IEndpointRouteBuilder endpoints, string path)
    {
        ApiServices services = endpoints.ServiceProvider.GetRequiredService<ApiServices>();
        endpoints.Map(
            path,
            http =>
                AnswerAsync(
                    http,
                    services,
                    ApiErrors.Write,
                    null,
                    () =>
                        throw new ApiException(
                            StatusCodes.Status404NotFound,
                            $"There is no {http.Request.Method} {QuotedText.Shorten(http.Request.Path)} here"
                        )
                        {
                            Code = "unknown_url",
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
        }
        using RequestSlot slot = services.Gate.Enter(tenant, http.RequestAborted);
        try
        {
            using JsonDocument body = await RequestBody.ReadAsync(
                http.Request,
                services.Options.MaxBodyBytes,
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
        string? errorEvent,
        Func<Task> answer
    )
    {
        try
        {
            await answer();
        }
        // Nobody is there to read of it.
        catch (Exception) when (http.RequestAborted.IsCancellationRequested) { }
        catch (Exception e)
        {
            ApiException error = ApiErrors.From(e);
            if (error.Status == StatusCodes.Status500InternalServerError)
                services.LogFailed(http.Request.Path, e);
            if (http.Response.HasStarted)
            {
                var stream = new ServerSentEvents(http.Response, http.RequestAborted);
                if (http.Features.Get<StreamFailure>() is { } failure)
                    failure.Tell(stream, error);
                else
                    stream.Add(json => writeError(json, error), errorEvent);
                await stream.FlushAsync();
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
}
