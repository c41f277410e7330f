using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Metrics;

/// <summary><c>GET /metrics</c>.</summary>
internal static class MetricsEndpoint
{
    public static Task HandleAsync(HttpContext http, ApiServices services)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return http.Response.WriteAsync(services.Metrics.Write(), http.RequestAborted);
    }
}
