using System.Collections.Immutable;
using System.Text.Json;

namespace Hadal.Tokenization;

/// <summary>The special tokens that the <c>post_processor</c> of a <c>tokenizer.json</c> puts around a text.</summary>
internal sealed record PostProcessor(ImmutableArray<int> Before, ImmutableArray<int> After)
{
    private const string Path = $"{TokenizerFile.File}.post_processor";
    private const int MaxTokens = 64;

    /// <summary>ByteLevel, which changes no ids, TemplateProcessing, or a Sequence of them; none adds nothing.</summary>
    public static PostProcessor Read(JsonElement root, List<AddedToken> added)
    {
        if (JsonFields.GetOptional(root, "post_processor", TokenizerFile.File) is not { } part)
            return new PostProcessor([], []);
        string type = JsonFields.GetString(part, "type", Path);
        if (type != "Sequence")
            return ReadStage(part, type, Path, added) ?? new PostProcessor([], []);
        JsonElement stages = JsonFields.Get(part, "processors", JsonValueKind.Array, Path);
        PostProcessor? result = null;
        int index = 0;
        foreach (JsonElement stage in stages.EnumerateArray())
        {
            string path = $"{Path}.processors[{index++}]";
            PostProcessor? template = ReadStage(
                stage,
                JsonFields.GetString(stage, "type", path),
                path,
                added
            );
            if (template is not null && result is not null)
                throw new TokenizerException(
                    $"{path}: a second TemplateProcessing is not supported"
                );
            result ??= template;
        }
        return result ?? new PostProcessor([], []);
    }

    /// <summary>Null for ByteLevel.</summary>
    private static PostProcessor? ReadStage(
        JsonElement stage,
        string type,
        string path,
        List<AddedToken> added
    ) =>
        type switch
        {
            "ByteLevel" => null,
            "TemplateProcessing" => ReadTemplate(stage, path, added),
            _ => throw new TokenizerException(
                $"{path}: '{JsonFields.Cut(type)}' is not supported; it must be ByteLevel, TemplateProcessing or a Sequence of them"
            ),
        };

    private static PostProcessor ReadTemplate(
        JsonElement template,
        string path,
        List<AddedToken> added
    )
    {
        JsonElement tokens = JsonFields.Get(template, "special_tokens", JsonValueKind.Object, path);
        ImmutableArray<int>.Builder before = ImmutableArray.CreateBuilder<int>();
        ImmutableArray<int>.Builder after = ImmutableArray.CreateBuilder<int>();
        bool hasText = false;
        string single = $"{path}.single";
        foreach (
            JsonElement piece in JsonFields
                .Get(template, "single", JsonValueKind.Array, path)
                .EnumerateArray()
        )
        {
            if (JsonFields.GetOptional(piece, "SpecialToken", single) is { } special)
            {
                string id = JsonFields.GetString(special, "id", $"{single}.SpecialToken");
                (hasText ? after : before).AddRange(
                    Ids(tokens, id, path, added).Take(MaxTokens + 1)
                );
            }
            else if (!hasText && JsonFields.GetOptional(piece, "Sequence", single) is not null)
                hasText = true;
            else
                throw new TokenizerException(
                    $"{single}: must hold special tokens and one Sequence, the text"
                );
            if (before.Count + after.Count > MaxTokens)
                throw new TokenizerException(
                    $"{single}: adds more than {MaxTokens} tokens to a text"
                );
        }
        return hasText
            ? new PostProcessor(before.ToImmutable(), after.ToImmutable())
            : throw new TokenizerException($"{single}: has no Sequence: the text would be lost");
    }

    private static IEnumerable<int> Ids(
        JsonElement tokens,
        string name,
        string path,
        List<AddedToken> added
    )
    {
        string at = $"{path}.special_tokens['{JsonFields.Cut(name)}']";
        if (JsonFields.GetOptional(tokens, name, path) is not { } token)
            throw new TokenizerException($"{at}: is missing, but the template 'single' names it");
        foreach (
            JsonElement element in JsonFields
                .Get(token, "ids", JsonValueKind.Array, at)
                .EnumerateArray()
        )
        {
            int id = JsonFields.GetId(element, $"{at}.ids");
            yield return added.Any(a => a.Id == id)
                ? id
                : throw new TokenizerException(
                    $"{at}.ids: {id} is not the id of one of the added_tokens"
                );
        }
    }
}
