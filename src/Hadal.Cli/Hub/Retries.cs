using System.Globalization;

namespace Hadal.Cli.Hub;

/// <summary>Waits between tries of one request: 1, 2, 4, 8 and 16 seconds, or as long as the server asks for.</summary>
internal sealed class Retries(TimeProvider clock)
{
    /// <summary>Failures one after another that are tried again.</summary>
    public const int Most = 5;

    /// <summary>A server that asks for a longer wait is left alone.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    private int _failures;

    /// <summary>A failure that follows counts as the first.</summary>
    public void Reset() => _failures = 0;

    /// <summary>Waits after a failure.</summary>
    /// <exception cref="HubException">There were too many, or the wait would be too long.</exception>
    public async Task WaitAsync(TransferException failure, CancellationToken cancellationToken)
    {
        if (++_failures > Most)
            throw new HubException(
                $"{failure.Message}; given up after {_failures} tries. What has come is kept: the same command goes on from there",
                failure
            );
        TimeSpan delay = failure.RetryAfter ?? TimeSpan.FromSeconds(1 << (_failures - 1));
        if (delay > s_longest)
            throw new HubException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{failure.Message}; the server asks to wait {delay.TotalMinutes:0} minutes. What has come is kept: the same command goes on from there"
                ),
                failure
            );
        await Task.Delay(delay, clock, cancellationToken).ConfigureAwait(false);
    }
}
