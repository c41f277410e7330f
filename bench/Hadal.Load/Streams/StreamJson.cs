using System.Text.Json.Serialization;

namespace Hadal.Load.Streams;

/// <summary>Reads chunks.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(StreamChunk))]
internal sealed partial class StreamJson : JsonSerializerContext;
