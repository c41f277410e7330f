using System.Collections.Immutable;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>The special tokens that the <c>post_processor</c> of a <c>tokenizer.json</c> puts around a text.</summary>
internal sealed record PostProcessor(ImmutableArray<int> Before, ImmutableArray<int> After)
{
    private const int MaxTokens = 64;

    /// <summary>ByteLevel, which changes no ids, TemplateProcessing, or a Sequence of them; none adds nothing.</summary>
    public static PostProcessor Read(JsonFields root, List<AddedToken> added)
    {
        if (root.OptionalObject("post_processor") is not { } part)
            return new PostProcessor([], []);
        string type = part.Text("type");
        if (type != "Sequence")
            return ReadStage(part, type, added) ?? new PostProcessor([], []);
        PostProcessor? result = null;
        int index = 0;
        foreach (JsonElement element in part.Array("processors").EnumerateArray())
        {
            JsonFields stage = TokenizerJson.Fields(element, $"{part.Path}.processors[{index++}]");
            PostProcessor? template = ReadStage(stage, stage.Text("type"), added);
            if (template is not null && result is not null)
                throw new TokenizerException(
                    $"{stage.Path}: a second TemplateProcessing is not supported"
                );
            result ??= template;
        }
        return result ?? new PostProcessor([], []);
    }

    /// <summary>Null for ByteLevel.</summary>
    private static PostProcessor? ReadStage(
        JsonFields stage,
        string type,
        List<AddedToken> added
    ) =>
        type switch
        {
            "ByteLevel" => null,
            "TemplateProcessing" => ReadTemplate(stage, added),
            _ => throw new TokenizerException(
                $"{stage.Path}: '{QuotedText.Shorten(type)}' is not supported; it must be ByteLevel, TemplateProcessing or a Sequence of them"
            ),
        };

    private static PostProcessor ReadTemplate(JsonFields template, List<AddedToken> added)
    {
        JsonFields tokens = template.Object("special_tokens");
        ImmutableArray<int>.Builder before = ImmutableArray.CreateBuilder<int>();
        ImmutableArray<int>.Builder after = ImmutableArray.CreateBuilder<int>();
        bool hasText = false;
        string single = $"{template.Path}.single";
        foreach (JsonElement element in template.Array("single").EnumerateArray())
        {
            JsonFields piece = TokenizerJson.Fields(element, single);
            if (piece.OptionalObject("SpecialToken") is { } special)
            {
                (hasText ? after : before).AddRange(
                    Ids(tokens, special.Text("id"), added).Take(MaxTokens + 1)
                );
            }
            else if (!hasText && piece.Has("Sequence"))
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

    private static IEnumerable<int> Ids(JsonFields tokens, string name, List<AddedToken> added)
    {
        string at = $"{tokens.Path}['{QuotedText.Shorten(name)}']";
        if (tokens.Optional(name) is not { } token)
            throw new TokenizerException($"{at}: is missing, but the template 'single' names it");
        JsonFields fields = TokenizerJson.Fields(token, at);
        foreach (JsonElement element in fields.Array("ids").EnumerateArray())
        {
            int id = TokenizerJson.GetId(element, $"{at}.ids");
            yield return added.Any(a => a.Id == id)
                ? id
                : throw new TokenizerException(
                    $"{at}.ids: {id} is not the id of one of the added_tokens"
                );
        }
    }
}
