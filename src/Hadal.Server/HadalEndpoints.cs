using Hadal.Server.Chat;
using Hadal.Server.Completions;
using Hadal.Server.Http;
using Hadal.Server.Messages;
using Hadal.Server.Metrics;
using Hadal.Server.Page;
using Hadal.Server.Responses;
using Hadal.Server.Tokens;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Server;

/// <summary>Serves the model of <see cref="HadalServiceCollectionExtensions.AddHadal"/>.</summary>
public static class HadalEndpoints
{
    /// <summary>
    /// Maps OpenAI's API: <c>/v1/models</c>, <c>/v1/chat/completions</c>, <c>/v1/completions</c>, <c>/v1/responses</c> and
    /// <c>/v1/responses/input_tokens</c>; Anthropic's: <c>/v1/messages</c> and <c>/v1/messages/count_tokens</c>; and
    /// <c>/tokenize</c>, <c>/detokenize</c>, <c>/health</c>, <c>/ready</c> and <c>/metrics</c>. With
    /// <see cref="HadalOptions.Page"/> also a page to chat on: <c>/page/…</c>, and <c>/</c> where the application maps nothing
    /// else there.
    /// </summary>
    /// <param name="endpoints">The application, or a group of its routes.</param>
    /// <returns>Adds to all of them, such as <c>RequireAuthorization</c>.</returns>
    public static IEndpointConventionBuilder MapHadal(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        RouteGroupBuilder group = endpoints.MapGroup("");
        group.MapQuery("/health", HealthEndpoints.HealthAsync, QueryAccess.Anybody);
        group.MapQuery("/ready", HealthEndpoints.ReadyAsync, QueryAccess.Anybody);
        group.MapQuery("/v1/models", ModelsEndpoint.ListAsync);
        group.MapQuery("/v1/models/{**id}", ModelsEndpoint.GetAsync);
        group.MapQuery("/metrics", MetricsEndpoint.HandleAsync, QueryAccess.Metrics);
        group.MapApi("/v1/chat/completions", ChatCompletionsEndpoint.HandleAsync);
        group.MapApi("/v1/completions", CompletionsEndpoint.HandleAsync);
        group.MapApi("/v1/responses", ResponsesEndpoint.HandleAsync);
        group.MapApi("/v1/responses/input_tokens", InputTokensEndpoint.HandleAsync);
        const string stored = "/v1/responses/{id}/{**rest}";
        foreach (string method in (string[])["GET", "DELETE", "POST"])
            group.MapQuery(stored, StoredResponseEndpoint.HandleAsync, method: method);
        group.MapApi("/v1/messages", MessagesEndpoint.HandleAsync, MessageErrors.Write);
        group.MapApi(
            "/v1/messages/count_tokens",
            CountTokensEndpoint.HandleAsync,
            MessageErrors.Write
        );
        group.MapApi("/tokenize", TokenizeEndpoint.HandleAsync);
        group.MapApi("/detokenize", DetokenizeEndpoint.HandleAsync);
        if (endpoints.ServiceProvider.GetRequiredService<ApiServices>().Options.Page)
            PageEndpoint.Map(group);
        group.MapUnknown("/v1/messages/{**path}", MessageErrors.Write);
        group.MapUnknown("/v1/{**path}");
        return group;
    }
}
