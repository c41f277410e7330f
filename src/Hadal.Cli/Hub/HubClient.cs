using System.Net;
using System.Net.Http.Headers;

namespace Hadal.Cli.Hub;

/// <summary>Asks a hub for one thing at a time, once. Any number of threads may use it.</summary>
internal sealed class HubClient : IDisposable
{
    private const int MaxRedirects = 10;

    /// <summary>A listing of 10,000 files takes some 3 MB.</summary>
    private const int MaxListingBytes = 16 << 20;

    private readonly HubSettings _settings;
    private readonly HttpClient _http;

    public HubClient(HubSettings settings)
    {
        _settings = settings;
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                // The runtime's own redirects send no token on, not even to the hub itself, whose gated files need it.
                AllowAutoRedirect = false,
                UseCookies = false,
                MaxResponseDrainSize = 0,
                ConnectTimeout = settings.Patience,
            }
        )
        {
            // Until the headers are there.
            Timeout = settings.Patience,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("hadal");
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Lists a repository's files.</summary>
    /// <exception cref="HubException">The hub refuses, or its answer can't be used.</exception>
    /// <exception cref="TransferException">Another try may do better.</exception>
    public async Task<HubListing> ListAsync(
        RepositoryName name,
        FileChoice choice,
        CancellationToken cancellationToken
    )
    {
        string path =
            $"api/models/{name}/revision/{Uri.EscapeDataString(name.Revision)}?blobs=true";
        using HubResponse response = await GetAsync(
                name,
                name.ToString(),
                path,
                0,
                cancellationToken
            )
            .ConfigureAwait(false);
        using var json = new MemoryStream();
        var buffer = new byte[1 << 16];
        int count;
        while (
            (count = await response.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0
        )
        {
            json.Write(buffer, 0, count);
            if (json.Length > MaxListingBytes)
                throw new HubException($"{name}: the hub's list of files is longer than 16 MiB");
        }
        return HubListing.Parse(name, json.ToArray(), choice);
    }

    /// <summary>Begins to read a file.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="commit">The commit.</param>
    /// <param name="path">The file.</param>
    /// <param name="offset">The first byte that is asked for; whether the server keeps to it, the answer tells.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="HubException">The hub refuses.</exception>
    /// <exception cref="TransferException">Another try may do better.</exception>
    public Task<HubResponse> OpenAsync(
        RepositoryName name,
        string commit,
        string path,
        long offset,
        CancellationToken cancellationToken
    )
    {
        string escaped = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
        return GetAsync(
            name,
            $"{name}: {path}",
            $"{name}/resolve/{commit}/{escaped}",
            offset,
            cancellationToken
        );
    }

    private async Task<HubResponse> GetAsync(
        RepositoryName name,
        string subject,
        string path,
        long offset,
        CancellationToken cancellationToken
    )
    {
        var address = new Uri($"{_settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");
        for (int redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            HttpResponseMessage message = await SendAsync(
                    subject,
                    address,
                    offset,
                    cancellationToken
                )
                .ConfigureAwait(false);
            if (message.IsSuccessStatusCode)
            {
                Stream body = await message
                    .Content.ReadAsStreamAsync(cancellationToken)
                    .ConfigureAwait(false);
                return new HubResponse(message, body, subject, _settings.Patience);
            }
            using (message)
                address =
                    NextAddress(message, address) ?? throw Refusal(message, name, subject, address);
        }
        throw new HubException($"{subject}: more than {MaxRedirects} redirections");
    }

    private async Task<HttpResponseMessage> SendAsync(
        string subject,
        Uri address,
        long offset,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (_settings.Token is { } token && _settings.IsHub(address))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (offset > 0)
            request.Headers.Range = new RangeHeaderValue(offset, null);
        try
        {
            return await _http
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransferException(
                $"{subject}: {address.Host} did not answer for {_settings.Patience.TotalSeconds} s",
                e
            );
        }
        catch (HttpRequestException e)
            when (e.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            throw new HubException($"{subject}: {address.Host}: {Innermost(e)}", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new TransferException($"{subject}: {address.Host}: {Innermost(e)}", e);
        }
    }

    private static string Innermost(Exception e) => e.GetBaseException().Message;

    /// <returns>Where a redirection leads; null where it is none that may be followed.</returns>
    private static Uri? NextAddress(HttpResponseMessage message, Uri address)
    {
        Uri? next = null;
        bool isRedirection =
            message.StatusCode
            is HttpStatusCode.MovedPermanently
                or HttpStatusCode.Found
                or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect
                or HttpStatusCode.PermanentRedirect;
        bool mayBeFollowed =
            isRedirection
            && message.Headers.Location is { } location
            && Uri.TryCreate(address, location, out next)
            && (next.Scheme == "https" || next.Scheme == address.Scheme);
        return mayBeFollowed ? next : null;
    }

    private HadalException Refusal(
        HttpResponseMessage message,
        RepositoryName name,
        string subject,
        Uri address
    )
    {
        int status = (int)message.StatusCode;
        if (status is 408 or 425 or 429 or >= 500)
            return new TransferException($"{subject}: {address.Host} answers with status {status}")
            {
                RetryAfter = Wait(message.Headers.RetryAfter),
            };
        // An address of a storage that has expired: the hub gives another.
        if (status is 401 or 403 && !_settings.IsHub(address))
            return new TransferException($"{subject}: {address.Host} answers with status {status}");
        string reason = status switch
        {
            401 or 403 when _settings.Token is null =>
                "there is no such repository, or it is private or gated; to read it then, set HF_TOKEN to a token that may",
            401 or 403 =>
                $"the token of HF_TOKEN may not read it; where it is gated, {_settings.Endpoint.Host}/{name} gives access",
            404 when subject != name.ToString() => "the hub lists the file and does not have it",
            404 => $"there is no such repository, or it has no revision {name.Revision}",
            >= 300 and < 400 => "a redirection that leads nowhere or from https to http",
            _ => "the request is refused",
        };
        return new HubException(
            $"{subject}: {reason} ({address.Host} answers with status {status})"
        );
    }

    private TimeSpan? Wait(RetryConditionHeaderValue? header)
    {
        TimeSpan? wait = header?.Delta ?? header?.Date - _settings.Clock.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
