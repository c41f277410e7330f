namespace Hadal.Cli.Hub;

/// <summary>Which hub is asked, as whom, and where its cache is: what Hugging Face's own tools read from the environment.</summary>
internal sealed class HubSettings
{
    /// <summary>The hub's address, without a slash at its end.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The token that the hub alone gets; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>The cache that all tools share.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>What waits between tries are measured by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>How long a server may send nothing.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <param name="variable">Gives an environment variable.</param>
    /// <exception cref="UsageException">One can't be used.</exception>
    public static HubSettings FromEnvironment(Func<string, string?> variable)
    {
        string? token = Value("HF_TOKEN");
        if (
            token is not null
            && !token.All(c => char.IsAsciiLetterOrDigit(c) || "-._~+/=".Contains(c))
        )
            throw new UsageException("HF_TOKEN has a character that no token has");
        string address = Value("HF_ENDPOINT") ?? "https://huggingface.co";
        if (
            !Uri.TryCreate(address, UriKind.Absolute, out Uri? endpoint)
            || endpoint.Scheme is not ("https" or "http")
            || endpoint.Query.Length + endpoint.Fragment.Length + endpoint.UserInfo.Length > 0
        )
            throw new UsageException(
                "HF_ENDPOINT must be an address like https://huggingface.co, without user, query and fragment"
            );
        if (token is not null && endpoint.Scheme == "http" && !endpoint.IsLoopback)
            throw new UsageException(
                $"HF_ENDPOINT is {endpoint}, where others on the way would read the token of HF_TOKEN; use https, or unset HF_TOKEN"
            );
        return new HubSettings
        {
            Endpoint = new Uri(endpoint.AbsoluteUri.TrimEnd('/')),
            Token = token,
            CacheFolder = Path.GetFullPath(Home(Cache())),
        };

        string Cache() =>
            Value("HF_HUB_CACHE")
            ?? Path.Combine(
                Value("HF_HOME")
                    ?? Path.Combine(Value("XDG_CACHE_HOME") ?? "~/.cache", "huggingface"),
                "hub"
            );

        string? Value(string name) =>
            variable(name)?.Trim() is { Length: > 0 } value ? value : null;
    }

    /// <summary>Whether an address is the hub's, which may be sent the token.</summary>
    public bool IsHub(Uri address) =>
        address.Scheme == Endpoint.Scheme
        && address.Port == Endpoint.Port
        && string.Equals(address.Host, Endpoint.Host, StringComparison.OrdinalIgnoreCase);

    private static string Home(string path) =>
        path == "~" || path.StartsWith("~/", StringComparison.Ordinal)
            ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..]
            : path;
}
