using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Responses;

/// <summary><c>/v1/responses/{id}</c>, of which there is none.</summary>
internal static class StoredResponseEndpoint
{
    public static Task HandleAsync(HttpContext http, ApiServices services) =>
        throw new ApiException(
            StatusCodes.Status404NotFound,
            $"There is no response '{QuotedText.Shorten((string)http.Request.RouteValues["id"]!)}' here: nothing is stored; keep the output, and send it again as input"
        );
}
