using Hadal.Json;

namespace Hadal.Server.Requests;

/// <summary>The fields <c>stream</c> and <c>stream_options</c>.</summary>
/// <param name="IsStreamed">Whether the answer comes in pieces.</param>
/// <param name="IncludesUsage">Whether a stream ends with the usage.</param>
internal readonly record struct StreamFields(bool IsStreamed, bool IncludesUsage)
{
    /// <exception cref="Http.ApiException">A field is not as it must be.</exception>
    public static StreamFields Read(JsonFields request)
    {
        bool isStreamed = request.IsTrue("stream");
        JsonFields? options = request.OptionalObject("stream_options");
        if (options is not null && !isStreamed)
            throw request.Bad("stream_options", "needs stream to be true");
        return new StreamFields(isStreamed, options?.IsTrue("include_usage") is true);
    }
}
