namespace Hadal.Inference;

/// <summary>When a request came, began, and gave its first and last tokens.</summary>
/// <param name="clock">The clock.</param>
internal sealed class RequestTimes(TimeProvider clock)
{
    private const long None = long.MinValue;

    private readonly long _submitted = clock.GetTimestamp();
    private long _admitted = None;
    private long _first = None;
    private long _last = None;

    public TimeSpan SinceSubmission => clock.GetElapsedTime(_submitted);

    public TimeSpan Queue => Between(_submitted, _admitted);

    public TimeSpan Prefill => Between(_admitted, _first);

    public TimeSpan Decode => Between(_first, _last);

    /// <summary>Marks the first step; later ones change nothing.</summary>
    public void Begin()
    {
        if (_admitted == None)
            _admitted = clock.GetTimestamp();
    }

    /// <summary>Marks a token.</summary>
    /// <returns>The time since the one before; null for the first.</returns>
    public TimeSpan? AddToken()
    {
        long now = clock.GetTimestamp();
        TimeSpan? since = _first == None ? null : clock.GetElapsedTime(_last, now);
        if (_first == None)
            _first = now;
        _last = now;
        return since;
    }

    private TimeSpan Between(long from, long to) =>
        to == None ? TimeSpan.Zero : clock.GetElapsedTime(from, to);
}
