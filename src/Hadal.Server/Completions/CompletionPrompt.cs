using System.Text.Json;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Tokenization;

namespace Hadal.Server.Completions;

/// <summary>The prompts of a request of <c>/v1/completions</c>.</summary>
internal static class CompletionPrompt
{
    private const string Field = "prompt";
    private const string FimBegin = "<｜fim▁begin｜>";
    private const string FimHole = "<｜fim▁hole｜>";
    private const string FimEnd = "<｜fim▁end｜>";

    /// <summary>Reads the fields <c>prompt</c> and <c>suffix</c>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="mostPrompts">The most prompts.</param>
    /// <returns>Make the tokens of each prompt, which may take long.</returns>
    /// <exception cref="ApiException">A field is not as it must be.</exception>
    public static IReadOnlyList<Func<CancellationToken, int[]>> Read(
        JsonFields request,
        DeepSeekTokenizer tokenizer,
        int mostPrompts
    )
    {
        if (request.Optional(Field) is not { } prompt)
            throw ApiException.Field(Field, "is missing; send a text, or an array of token ids");
        string? suffix = request.Has("suffix") ? request.Text("suffix") : null;
        if (suffix is not null && !tokenizer.TryGetAddedToken(FimHole, out _))
            throw ApiException.Field(
                "suffix",
                "is not supported by this model: its tokenizer has no marks for filling in; leave it out"
            );
        JsonElement[] prompts = IsBatch(prompt) ? [.. prompt.EnumerateArray()] : [prompt];
        if (prompts.Length > mostPrompts)
            throw ApiException.Field(
                Field,
                $"has {prompts.Length} prompts; a request may have at most {mostPrompts}, as many as may wait; send more requests"
            );
        return
        [
            .. prompts.Select(one =>
                one.ValueKind == JsonValueKind.Array
                    ? OfIds(one, suffix, tokenizer.VocabularySize)
                    : OfText(request.Text(one, Field), suffix, tokenizer)
            ),
        ];
    }

    /// <summary>
    /// The tokens of a text: special tokens that it spells are such, as it may be a prompt that a client has rendered, and a BOS
    /// that it begins with is the only one.
    /// </summary>
    public static int[] Encode(
        DeepSeekTokenizer tokenizer,
        string text,
        CancellationToken cancellationToken
    )
    {
        int[] ids = tokenizer.Encode(
            text,
            parseSpecialTokens: true,
            cancellationToken: cancellationToken
        );
        return ids is [var first, var second, ..] && first == second && first == tokenizer.BosId
            ? ids[1..]
            : ids;
    }

    /// <summary>The tokens of a text with a hole before its end, as DeepSeek's models were trained to fill it.</summary>
    public static int[] FillIn(
        DeepSeekTokenizer tokenizer,
        string before,
        string after,
        CancellationToken cancellationToken
    )
    {
        List<int> ids = tokenizer.BosId is { } bos ? [bos] : [];
        ids.Add(Mark(FimBegin));
        ids.AddRange(Text(before));
        ids.Add(Mark(FimHole));
        ids.AddRange(Text(after));
        ids.Add(Mark(FimEnd));
        return [.. ids];

        int Mark(string mark) =>
            tokenizer.TryGetAddedToken(mark, out int id)
                ? id
                : throw new TokenizerException($"The tokenizer has no token {mark}");

        int[] Text(string text) =>
            tokenizer.Encode(text, addSpecialTokens: false, cancellationToken: cancellationToken);
    }

    // An array of ids is one prompt.
    private static bool IsBatch(JsonElement prompt) =>
        prompt.ValueKind == JsonValueKind.Array
        && prompt.GetArrayLength() > 0
        && prompt[0].ValueKind != JsonValueKind.Number;

    private static Func<CancellationToken, int[]> OfText(
        string text,
        string? suffix,
        DeepSeekTokenizer tokenizer
    ) =>
        cancellation =>
            suffix is null
                ? Encode(tokenizer, text, cancellation)
                : FillIn(tokenizer, text, suffix, cancellation);

    private static Func<CancellationToken, int[]> OfIds(
        JsonElement elements,
        string? suffix,
        int vocabularySize
    )
    {
        if (suffix is not null)
            throw ApiException.Field("suffix", "goes with a prompt that is a text");
        int[] ids =
        [
            .. elements
                .EnumerateArray()
                .Select(id =>
                    id.ValueKind == JsonValueKind.Number
                    && id.TryGetInt32(out int value)
                    && value >= 0
                    && value < vocabularySize
                        ? value
                        : throw ApiException.Field(
                            Field,
                            $"has {QuotedText.Shorten(id.GetRawText())}; a prompt is a text, or an array of token ids from 0 to {vocabularySize - 1}, and there may be an array of prompts"
                        )
                ),
        ];
        return _ => ids;
    }
}
