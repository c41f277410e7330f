namespace Hadal.Load.Plans;

/// <summary>How a client leaves before its answer has ended.</summary>
internal enum Leaving
{
    /// <summary>It reads to the end.</summary>
    Never,

    /// <summary>The connection is reset at any moment: in the queue, in the prompt or in the stream.</summary>
    Disconnects,

    /// <summary>The connection is closed after some chunks.</summary>
    Cancels,
}
