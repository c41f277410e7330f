using System.Security.Cryptography;
using System.Text.Json;

namespace Hadal.Cli.Hub;

/// <summary>What a hub tells of a revision of a repository.</summary>
internal sealed class HubListing
{
    private const int MaxFiles = 10_000;

    private static readonly string[] s_licenceKeys = ["license", "license_name", "license_link"];

    /// <summary>More than any file system holds; sums of this many files still fit 64 bits.</summary>
    private const long MaxFileBytes = 1L << 49;

    /// <summary>The commit that the revision is.</summary>
    public required string Commit { get; init; }

    /// <summary>The licence in the words of the model card's header; null where it tells none.</summary>
    public required string? Licence { get; init; }

    /// <summary>The files that are chosen, small ones first.</summary>
    public required IReadOnlyList<HubFile> Files { get; init; }

    /// <summary>Paths of the others.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>Reads the answer to <c>/api/models/ORG/REPO/revision/REVISION?blobs=true</c>.</summary>
    /// <param name="name">The repository, for errors.</param>
    /// <param name="json">The answer.</param>
    /// <param name="choice">Which files are chosen.</param>
    /// <exception cref="HubException">Something is missing, broken, or of no use here.</exception>
    public static HubListing Parse(
        RepositoryName name,
        ReadOnlyMemory<byte> json,
        FileChoice choice
    )
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            string commit = Text(root, "sha") ?? "";
            if (!FileDigest.IsHex(commit, SHA1.HashSizeInBytes))
                throw new HubException($"{name}: the hub tells no commit of {name.Revision}");
            string[] paths = [.. Siblings(name, root).Select(s => Text(s, "rfilename") ?? "")];
            HubFile[] files =
            [
                .. Siblings(name, root)
                    .Where((_, i) => choice.Takes(paths[i]))
                    .Select(sibling => ReadFile(name, sibling))
                    .OrderBy(file => file.Size),
            ];
            RequireUse(name, files, choice);
            return new HubListing
            {
                Commit = commit,
                Licence = ReadLicence(root),
                Files = files,
                LeftOut = [.. paths.Where(path => !choice.Takes(path))],
            };
        }
        // The second is for text that is no Unicode.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new HubException($"{name}: the hub's answer is not JSON: {e.Message}", e);
        }
    }

    private static JsonElement.ArrayEnumerator Siblings(RepositoryName name, JsonElement root)
    {
        if (Member(root, "siblings") is not { ValueKind: JsonValueKind.Array } siblings)
            throw new HubException($"{name}: the hub lists no files");
        return siblings.GetArrayLength() <= MaxFiles
            ? siblings.EnumerateArray()
            : throw new HubException($"{name}: the hub lists more than {MaxFiles} files");
    }

    private static HubFile ReadFile(RepositoryName name, JsonElement sibling)
    {
        string path = Text(sibling, "rfilename") ?? "";
        if (HubPath.Problem(path) is { } problem)
            throw new HubException($"{name}: the file '{path}' is refused: {problem}");
        JsonElement? storage = Member(sibling, "lfs") is { ValueKind: JsonValueKind.Object } lfs
            ? lfs
            : null;
        FileDigest digest =
            (
                storage is { } large
                    ? FileDigest.Sha256(Text(large, "sha256"))
                    : FileDigest.GitBlob(Text(sibling, "blobId"))
            ) ?? throw new HubException($"{name}: the hub tells no checksum of {path}");
        if (
            Member(storage ?? sibling, "size") is not { ValueKind: JsonValueKind.Number } number
            || !number.TryGetInt64(out long size)
            || size is < 0 or > MaxFileBytes
        )
            throw new HubException($"{name}: the hub tells no possible size of {path}");
        return new HubFile(path, size, digest);
    }

    private static void RequireUse(RepositoryName name, HubFile[] files, FileChoice choice)
    {
        IGrouping<string, HubFile>? same = files
            .GroupBy(file => file.Path, StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(group => group.Count() > 1);
        if (same is not null)
            throw new HubException(
                $"{name}: the hub lists {string.Join(" and ", same.Select(f => f.Path))}, which some systems take for one file"
            );
        if (files.Length == 0)
            throw new HubException($"{name}: no file is like what is asked for");
        if (
            choice.IsDefault
            && !files.Any(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal))
        )
            throw new HubException(
                $"{name}: has no weights in *.safetensors; --include chooses other files"
            );
    }

    /// <summary>The licence of the card; where it is one of no list, with its name and where it is read.</summary>
    private static string? ReadLicence(JsonElement root)
    {
        if (Member(root, "cardData") is not { } card)
            return null;
        string[] words =
        [
            .. s_licenceKeys
                .Select(key => Member(card, key))
                .SelectMany(value =>
                    value is { ValueKind: JsonValueKind.Array } all ? all.EnumerateArray()
                    : value is { } one ? [one]
                    : Enumerable.Empty<JsonElement>()
                )
                .Where(value => value.ValueKind == JsonValueKind.String)
                .Select(value => value.GetString()!),
        ];
        return words.Length == 0 ? null : string.Join(", ", words);
    }

    private static string? Text(JsonElement element, string key) =>
        Member(element, key) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static JsonElement? Member(JsonElement element, string key) =>
        element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty(key, out JsonElement value)
            ? value
            : null;
}
