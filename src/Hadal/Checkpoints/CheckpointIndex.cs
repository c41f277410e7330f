using System.Text.Json;
using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>
/// The <c>weight_map</c> of a <c>model.safetensors.index.json</c>: which shard holds which tensor. <c>metadata.total_size</c>
/// is not looked at, as published files have it wrong.
/// </summary>
internal static class CheckpointIndex
{
    public const string FileName = "model.safetensors.index.json";

    /// <summary>Seven times the index of the 671B model.</summary>
    private const int MaxLength = 64 << 20;

    /// <returns>Shard by tensor.</returns>
    public static Dictionary<string, string> Read(string folder) =>
        JsonText.Read(
            SmallFile.Read(Path.Combine(folder, FileName), MaxLength),
            FileName,
            CheckpointException.Create,
            Parse
        );

    private static Dictionary<string, string> Parse(JsonElement root)
    {
        if (
            root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("weight_map", out JsonElement map)
            || map.ValueKind != JsonValueKind.Object
        )
            throw new JsonException("it must be an object with an object 'weight_map'");
        var shards = new Dictionary<string, string>(map.GetPropertyCount());
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
                throw new JsonException(
                    $"weight_map['{entry.Name}'] is a JSON {entry.Value.ValueKind}, must be a string"
                );
            string shard = entry.Value.GetString()!;
            if (!IsPlainName(shard))
                throw new CheckpointException(
                    $"{FileName}: weight_map['{entry.Name}'] is '{shard}', must be the name of a .safetensors file in the folder itself"
                );
            shards.Add(entry.Name, shard);
        }
        return shards;
    }

    /// <summary>
    /// Whether a name can't leave its folder on any system. The file of that name may be a link: the hub's cache is made
    /// of such.
    /// </summary>
    private static bool IsPlainName(string name) =>
        name.Length is > 12 and <= 255
        && name.EndsWith(".safetensors", StringComparison.Ordinal)
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ' ');
}
