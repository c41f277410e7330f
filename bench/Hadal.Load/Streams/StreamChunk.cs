namespace Hadal.Load.Streams;

/// <summary>A chunk of a streamed answer, of either API, as far as it is looked at.</summary>
/// <param name="Choices">Its texts; empty in the chunk of the usage.</param>
/// <param name="Usage">What the request took; in the last chunk alone.</param>
/// <param name="Error">An error, which ends the stream.</param>
internal sealed record StreamChunk(
    IReadOnlyList<StreamChoice>? Choices,
    StreamUsage? Usage,
    StreamError? Error
);
