using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Json;
using Microsoft.Extensions.Options;

namespace Hadal.Server.Tenants;

/// <summary>Reads <see cref="HadalOptions.ApiKeysFile"/>.</summary>
internal static class TenantFile
{
    private const int MostBytes = 1 << 24;
    private const int MostKeys = 10_000;
    private const int MostPerMinute = 1_000_000;

    private static readonly string[] s_fields =
    [
        "name",
        "key",
        "key_sha256",
        "cache_salt",
        "max_requests",
        "requests_per_minute",
        "max_prompt_tokens",
        "max_answer_tokens",
        "priority",
        "metrics",
    ];

    /// <param name="path">The file's path.</param>
    /// <returns>Keys' SHA-256, and whose they are.</returns>
    /// <exception cref="OptionsValidationException">It can't be read, or is not as it must be.</exception>
    public static IEnumerable<(byte[] Hash, Tenant Tenant)> Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(
                SmallFile.Read(path, MostBytes),
                new JsonDocumentOptions { AllowDuplicateProperties = false }
            );
            var file = new JsonFields(document.RootElement, path, Create);
            RequireKnown(file, "keys");
            return ReadKeys(file);
        }
        catch (Exception e) when (e is HadalException or JsonException or InvalidOperationException)
        {
            throw new OptionsValidationException(
                HadalOptions.Section,
                typeof(HadalOptions),
                [$"{HadalOptions.Section}:{nameof(HadalOptions.ApiKeysFile)}: {e.Message}"]
            );
        }
    }

    private static List<(byte[] Hash, Tenant Tenant)> ReadKeys(JsonFields file)
    {
        JsonElement keys = file.Array("keys");
        if (keys.GetArrayLength() is 0 or > MostKeys)
            throw Create($"{file.Path}.keys: must have from 1 to {MostKeys} elements", null);
        var read = new List<(byte[] Hash, Tenant Tenant)>();
        var names = new HashSet<string>();
        var hashes = new HashSet<string>();
        foreach (JsonElement element in keys.EnumerateArray())
        {
            var entry = new JsonFields(element, $"{file.Path}.keys[{read.Count}]", Create);
            RequireKnown(entry, s_fields);
            byte[] hash = ReadHash(entry);
            if (!names.Add(entry.Text("name")))
                throw entry.Bad("name", "but another key has it; give each one of its own");
            if (!hashes.Add(Convert.ToHexString(hash)))
                throw Create($"{entry.Path}: another entry has the same key", null);
            read.Add((hash, ReadTenant(entry)));
        }
        return read;
    }

    private static Tenant ReadTenant(JsonFields entry)
    {
        string name = entry.Text("name");
        return new Tenant(Limit(entry, "requests_per_minute", MostPerMinute))
        {
            Name = name,
            // Keys with one salt share a cache, and no name can be taken for a salt.
            CacheSalt = entry.Has("cache_salt")
                ? $"salt {entry.Text("cache_salt")}"
                : $"name {name}",
            MaxRequests = Limit(entry, "max_requests") ?? int.MaxValue,
            MaxPromptTokens = Limit(entry, "max_prompt_tokens") ?? int.MaxValue,
            MaxAnswerTokens = Limit(entry, "max_answer_tokens"),
            Priority = entry.Has("priority") ? entry.Integer("priority", -1000, 1000) : 0,
            SeesMetrics = entry.IsTrue("metrics"),
        };
    }

    private static void RequireKnown(JsonFields fields, params string[] known)
    {
        foreach (string name in fields.Names.Except(known))
            throw Create(
                $"{fields.Path}: there is no field '{QuotedText.Shorten(name)}'; it may have {string.Join(", ", known)}",
                null
            );
    }

    private static int? Limit(JsonFields entry, string name, int most = int.MaxValue) =>
        entry.Has(name) ? entry.Integer(name, 1, most) : null;

    // No message of this class repeats a value: it may be a key.
    private static byte[] ReadHash(JsonFields entry)
    {
        if (entry.Has("key") == entry.Has("key_sha256"))
            throw Create($"{entry.Path}: must have either key or key_sha256", null);
        if (entry.Has("key"))
        {
            string key = entry.Text("key");
            return HadalOptionsValidator.IsKey(key)
                ? KeyRing.Hash(key)
                : throw Create($"{entry.Path}.key: {HadalOptionsValidator.KeyRule}", null);
        }
        string hash = entry.Text("key_sha256");
        return hash.Length == 64 && hash.All(char.IsAsciiHexDigit)
            ? Convert.FromHexString(hash)
            : throw Create(
                $"{entry.Path}.key_sha256: must be the 64 hexadecimal digits of the key's SHA-256",
                null
            );
    }

    private static HadalException Create(string message, Exception? inner) => new(message, inner);
}
