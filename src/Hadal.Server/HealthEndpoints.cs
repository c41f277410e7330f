using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server;

/// <summary><c>GET /health</c> and <c>GET /ready</c>.</summary>
internal static class HealthEndpoints
{
    /// <summary>The process lives.</summary>
    public static Task HealthAsync(HttpContext http, ApiServices services) =>
        JsonReply.WriteAsync(
            http.Response,
            StatusCodes.Status200OK,
            static json =>
            {
                json.WriteStartObject();
                json.WriteString("status", "ok");
                json.WriteEndObject();
            },
            http.RequestAborted
        );

    /// <summary>Requests are answered, or why not.</summary>
    public static Task ReadyAsync(HttpContext http, ApiServices services)
    {
        HadalState state = services.Model.State;
        return JsonReply.WriteAsync(
            http.Response,
            state == HadalState.Ready
                ? StatusCodes.Status200OK
                : StatusCodes.Status503ServiceUnavailable,
            json =>
            {
                json.WriteStartObject();
                json.WriteString("status", state.ToString().ToLowerInvariant());
                json.WriteString("model", services.Model.Name);
                json.WriteBoolean("records_selection", services.Options.RecordSelection);
                json.WriteNumber("progress", Math.Round(services.Model.Progress, 3));
                json.WriteEndObject();
            },
            http.RequestAborted
        );
    }
}
