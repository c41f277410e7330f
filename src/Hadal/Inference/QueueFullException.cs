namespace Hadal.Inference;

/// <summary>As many requests wait as may; the one refused left no trace.</summary>
public sealed class QueueFullException : HadalException
{
    internal QueueFullException(int queued, int limit)
        : base(
            $"{queued} requests wait for their first step, and no more than {limit} may; try again later, or raise "
                + $"{nameof(EngineOptions)}.{nameof(EngineOptions.MaxQueuedRequests)}"
        )
    {
        QueuedRequests = queued;
        MaxQueuedRequests = limit;
    }

    /// <summary>Requests that wait.</summary>
    public int QueuedRequests { get; }

    /// <summary>How many may.</summary>
    public int MaxQueuedRequests { get; }
}
