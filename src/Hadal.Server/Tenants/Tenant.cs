using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Threading.RateLimiting;
using Hadal.Generation;
using Hadal.Server.Http;

namespace Hadal.Server.Tenants;

/// <summary>Who asks, as the key tells: limits, and a part of the prefix cache that no other tenant can see.</summary>
[SuppressMessage(
    "Design",
    "CA1001",
    Justification = "The limiter has neither timer nor queue, so that nothing is to be disposed of."
)]
internal sealed class Tenant
{
    private readonly TokenBucketRateLimiter? _rate;

    /// <param name="requestsPerMinute">See <see cref="RequestsPerMinute"/>.</param>
    public Tenant(int? requestsPerMinute = null)
    {
        RequestsPerMinute = requestsPerMinute;
        if (requestsPerMinute is not { } most)
            return;
        _rate = new TokenBucketRateLimiter(
            new TokenBucketRateLimiterOptions
            {
                TokenLimit = most,
                TokensPerPeriod = 1,
                ReplenishmentPeriod = TimeSpan.FromMinutes(1) / most,
                QueueLimit = 0,
                AutoReplenishment = false,
            }
        );
    }

    /// <summary>Anybody, where no key is wanted, or who has the only key.</summary>
    public static Tenant Sole { get; } = new() { Name = "operator", SeesMetrics = true };

    /// <summary>Who has the server's own key, where others have theirs.</summary>
    public static Tenant Operator { get; } =
        new()
        {
            Name = "operator",
            CacheSalt = "",
            SeesMetrics = true,
        };

    public required string Name { get; init; }

    /// <summary>Separates its prefixes from those of other tenants; null where there are none.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>The most requests under way and waiting.</summary>
    public int MaxRequests { get; init; } = int.MaxValue;

    /// <summary>
    /// So many requests may come at once, and one more each time that this part of a minute is over; null for any number.
    /// </summary>
    public int? RequestsPerMinute { get; }

    /// <summary>The most tokens of a prompt.</summary>
    public int MaxPromptTokens { get; init; } = int.MaxValue;

    /// <summary>The most tokens of an answer; null for no limit. An answer that would be longer ends there.</summary>
    public int? MaxAnswerTokens { get; init; }

    /// <summary>As <see cref="GenerationOptions.Priority"/>.</summary>
    public int Priority { get; init; }

    /// <summary>Whether it may read the metrics, which tell of all tenants.</summary>
    public bool SeesMetrics { get; init; }

    /// <summary>Counts requests against <see cref="RequestsPerMinute"/>.</summary>
    /// <exception cref="ApiException">There are too many.</exception>
    public void CountRequests(int count)
    {
        if (_rate is null || count == 0)
            return;
        _rate.TryReplenish();
        using RateLimitLease lease = _rate.AttemptAcquire(
            Math.Min(count, RequestsPerMinute!.Value)
        );
        if (lease.IsAcquired)
            return;
        TimeSpan wait = lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan after)
            ? after
            : TimeSpan.FromMinutes(1);
        throw ApiException.TooMany(
            $"The key '{Name}' may have {RequestsPerMinute} requests a minute; try again later",
            "rate_limit_exceeded",
            Math.Max((int)Math.Ceiling(wait.TotalSeconds), 1)
        );
    }

    /// <summary>What is asked, within the tenant's limits.</summary>
    public GenerationOptions Limit(GenerationOptions asked) =>
        asked with
        {
            CacheSalt = CacheSalt is null
                ? asked.CacheSalt
                // The length keeps a salt and the request's from reading as another pair.
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{CacheSalt.Length}:{CacheSalt}{asked.CacheSalt}"
                ),
            Priority = Priority,
            Stop = asked.Stop with
            {
                MaxTokens = Least(asked.Stop.MaxTokens, MaxAnswerTokens),
                MinTokens = Math.Min(asked.Stop.MinTokens, MaxAnswerTokens ?? int.MaxValue),
            },
        };

    private static int? Least(int? one, int? other) =>
        one is { } a && other is { } b ? Math.Min(a, b) : one ?? other;
}
