namespace Hadal.Server.Http;

/// <summary>How a stream tells that an error ended it: a feature of its request.</summary>
/// <param name="Tell">Adds the event to the stream.</param>
internal sealed record StreamFailure(Action<ServerSentEvents, ApiException> Tell);
