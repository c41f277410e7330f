using Hadal.Server.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Hadal.Server.Http;

/// <summary>Who may ask, and how.</summary>
internal sealed class RequestChecks(HadalOptions options)
{
    private const string Bearer = "Bearer ";
    private const string ApiKey = "x-api-key"; // Anthropic's.

    private readonly KeyRing _keys = new(options);

    /// <summary>Refuses hosts, and pages of other hosts.</summary>
    /// <exception cref="ApiException">It is refused.</exception>
    public void Host(HttpRequest request)
    {
        if (
            options.AllowedHosts.Count > 0
            && !options.AllowedHosts.Contains(request.Host.Host, StringComparer.OrdinalIgnoreCase)
        )
            throw new ApiException(
                StatusCodes.Status403Forbidden,
                $"The header Host must be one of {string.Join(", ", options.AllowedHosts)}"
            );
        if (
            request.Headers.Origin is { Count: > 0 } origins
            && !origins.All(origin => IsOf(request.Host, origin) || IsAllowed(origin))
        )
            throw new ApiException(
                StatusCodes.Status403Forbidden,
                $"Pages of {QuotedText.Shorten(origins.ToString())}, as the header Origin tells, may not ask; the server's setting AllowedOrigins lets them"
            );
    }

    /// <summary>Whose request it is; refuses those without a key, where there are keys.</summary>
    /// <exception cref="ApiException">It is refused.</exception>
    public Tenant Key(HttpRequest request)
    {
        if (_keys.IsOpen)
            return Tenant.Sole;
        return Find(Bearing(request.Headers.Authorization))
            ?? Find(request.Headers[ApiKey])
            ?? throw new ApiException(
                StatusCodes.Status401Unauthorized,
                $"The header Authorization must be Bearer and an API key of this server, or {ApiKey} the key"
            )
            {
                Code = "invalid_api_key",
            };
    }

    /// <summary>Refuses those that may not ask.</summary>
    /// <exception cref="ApiException">It is refused.</exception>
    public void Access(HttpRequest request, QueryAccess access)
    {
        if (access == QueryAccess.Anybody)
            return;
        Tenant tenant = Key(request);
        if (access == QueryAccess.Metrics && !tenant.SeesMetrics)
            throw new ApiException(
                StatusCodes.Status403Forbidden,
                "The metrics tell of all keys; this one needs \"metrics\": true in the server's file of keys"
            );
    }

    /// <summary>Takes JSON alone: a page can send other types without asking.</summary>
    /// <exception cref="ApiException">It is refused.</exception>
    public static void ContentType(HttpRequest request)
    {
        if (
            !MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
            || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.Charset.HasValue
                && !HeaderUtilities
                    .RemoveQuotes(type.Charset)
                    .Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        )
            throw new ApiException(
                StatusCodes.Status415UnsupportedMediaType,
                "The header Content-Type must be application/json, in UTF-8"
            );
        if (!StringValues.IsNullOrEmpty(request.Headers.ContentEncoding))
            throw new ApiException(
                StatusCodes.Status415UnsupportedMediaType,
                "A body with a Content-Encoding is not read; send it as it is"
            );
    }

    private static string? Bearing(string? authorization) =>
        authorization?.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) is true
            ? authorization[Bearer.Length..].Trim()
            : null;

    private Tenant? Find(string? key) => key is null ? null : _keys.Find(key);

    private bool IsAllowed(string? origin) =>
        options.AllowedOrigins.Any(allowed =>
            allowed == "*" || allowed.Equals(origin, StringComparison.OrdinalIgnoreCase)
        );

    private static bool IsOf(HostString host, string? origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri)
        && uri.Host.Equals(host.Host, StringComparison.OrdinalIgnoreCase)
        && uri.Port == (host.Port ?? (uri.Scheme == Uri.UriSchemeHttps ? 443 : 80));
}
