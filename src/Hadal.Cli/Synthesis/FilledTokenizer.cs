using System.Text.Json.Nodes;
using Hadal.Checkpoints;

namespace Hadal.Cli.Synthesis;

/// <summary>
/// The tokenizer of another checkpoint for weights that know no language. Ids that it lacks become added tokens, each a
/// character of private use, so that every token has a text.
/// </summary>
internal static class FilledTokenizer
{
    private const string File = "tokenizer.json";
    private const string ConfigFile = "tokenizer_config.json";

    /// <summary>Its file, and the one beside it.</summary>
    public static IReadOnlyList<string> Files { get; } = [File, ConfigFile];

    /// <param name="from">The folder of the checkpoint whose tokenizer it is.</param>
    /// <param name="to">The folder to write into.</param>
    /// <param name="vocabularySize">Ids that there must be.</param>
    /// <exception cref="CheckpointException">The tokenizer has more ids, or its file is broken.</exception>
    public static void Write(string from, string to, int vocabularySize)
    {
        string path = Path.Combine(from, File);
        JsonObject tokenizer = Read(path);
        JsonObject vocabulary =
            tokenizer["model"]?["vocab"] as JsonObject ?? throw Broken(path, "model.vocab");
        JsonArray added =
            tokenizer["added_tokens"] as JsonArray ?? throw Broken(path, "added_tokens");
        HashSet<int> ids =
        [
            .. vocabulary.Select(token => token.Value!.GetValue<int>()),
            .. added.Select(token => token!["id"]!.GetValue<int>()),
        ];
        if (ids.Max() >= vocabularySize)
            throw new CheckpointException(
                $"{path}: has the id {ids.Max()}, and the configuration's vocab_size is {vocabularySize}; take another tokenizer"
            );
        for (int id = 0; id < vocabularySize; id++)
        {
            if (!ids.Contains(id))
                added.Add((JsonNode)Token(id));
        }
        System.IO.File.WriteAllText(Path.Combine(to, File), tokenizer.ToJsonString());
        System.IO.File.Copy(Path.Combine(from, ConfigFile), Path.Combine(to, ConfigFile));
    }

    private static JsonObject Token(int id) =>
        new()
        {
            ["id"] = id,
            ["content"] = PrivateCharacters.Of(id),
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = false,
        };

    private static JsonObject Read(string path)
    {
        try
        {
            return JsonNode.Parse(System.IO.File.ReadAllBytes(path)) as JsonObject
                ?? throw Broken(path, "its object");
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new CheckpointException($"{path}: is broken: {e.Message}", e);
        }
    }

    private static CheckpointException Broken(string path, string what) =>
        new($"{path}: lacks {what}");
}
