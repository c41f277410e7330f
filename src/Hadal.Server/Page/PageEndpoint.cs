using Hadal.Server.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Hadal.Server.Page;

/// <summary><c>GET /</c> and <c>GET /page/NAME</c>: a page to chat on, of plain files.</summary>
internal static class PageEndpoint
{
    /// <summary>Nothing but the page's own files and answers of this server, and no page that has it as a frame.</summary>
    private const string Policy =
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        // What else the application maps there comes first.
        endpoints.MapQuery("/", IndexAsync, QueryAccess.Anybody).WithOrder(int.MaxValue);
        endpoints.MapQuery("/page/{name}", FileAsync, QueryAccess.Anybody);
    }

    private static Task IndexAsync(HttpContext http, ApiServices services)
    {
        string path = $"{http.Request.PathBase}{http.Request.Path}";
        if (path.EndsWith('/'))
            return SendAsync(http, PageFile.Find(PageFile.Index)!);
        // The page's files are told by where they are from it.
        http.Response.Redirect($"{path[(path.LastIndexOf('/') + 1)..]}/", permanent: false);
        return Task.CompletedTask;
    }

    private static Task FileAsync(HttpContext http, ApiServices services) =>
        SendAsync(
            http,
            PageFile.Find(http.GetRouteValue("name") as string ?? "")
                ?? throw new ApiException(
                    StatusCodes.Status404NotFound,
                    "The page has no such file"
                )
        );

    private static async Task SendAsync(HttpContext http, PageFile file)
    {
        HttpResponse response = http.Response;
        response.Headers.ETag = file.Tag;
        response.Headers.CacheControl = "no-cache";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (http.Request.Headers.IfNoneMatch.Contains(file.Tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        response.ContentType = file.ContentType;
        response.ContentLength = file.Content.Length;
        await response.Body.WriteAsync(file.Content, http.RequestAborted);
    }
}
