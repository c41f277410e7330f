namespace Hadal.Load.Streams;

/// <summary>How a request ended.</summary>
internal enum StreamOutcome
{
    /// <summary>The whole answer came.</summary>
    Ok,

    /// <summary>The client reset the connection, as planned.</summary>
    Disconnected,

    /// <summary>The client closed the connection, as planned.</summary>
    Cancelled,

    /// <summary>Status 429: the queue is full.</summary>
    QueueFull,

    /// <summary>Status 503: the server is loading or stopping.</summary>
    Unavailable,

    /// <summary>Another status than 200.</summary>
    Refused,

    /// <summary>An error came within the stream.</summary>
    ErrorEvent,

    /// <summary>There was no connection, or it broke before the end.</summary>
    Broken,
}
