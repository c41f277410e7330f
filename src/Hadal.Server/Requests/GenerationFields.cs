using System.Globalization;
using System.Text.Json;
using Hadal.Generation;
using Hadal.Json;

namespace Hadal.Server.Requests;

/// <summary>
/// Fields that OpenAI's APIs and those of other open servers have alike: how tokens are chosen, and what ends an answer.
/// </summary>
internal static class GenerationFields
{
    private const int MostBias = 100;
    private const int MostStopStrings = 16;

    /// <summary>The fields that <see cref="Read"/> reads.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "n",
        "seed",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "logit_bias",
        "stop",
        "stop_token_ids",
        "min_tokens",
        "ignore_eos",
        "cache_salt",
    ];

    /// <param name="request">The request.</param>
    /// <param name="maxTokens">The most tokens to generate, which each API calls otherwise; null for no limit.</param>
    /// <param name="defaults">How tokens are chosen where it doesn't say.</param>
    /// <param name="options">The limits.</param>
    /// <param name="vocabularySize">Token ids that there are.</param>
    /// <exception cref="Http.ApiException">A field is not as it must be.</exception>
    public static GenerationOptions Read(
        JsonFields request,
        int? maxTokens,
        SamplingOptions defaults,
        HadalOptions options,
        int vocabularySize
    )
    {
        int minTokens = Integer(request, "min_tokens", 0, int.MaxValue) ?? 0;
        if (minTokens > maxTokens)
            throw request.Bad(
                "min_tokens",
                $"must be at most {maxTokens}, the most tokens of the answer"
            );
        return new GenerationOptions
        {
            Sampling = ReadSampling(request, defaults, vocabularySize),
            Stop = new StopConditions
            {
                Strings = ReadStop(request, "stop"),
                Tokens = request.Has("stop_token_ids")
                    ? request.Integers("stop_token_ids", 0, vocabularySize - 1)
                    : [],
                MaxTokens = maxTokens,
                MinTokens = minTokens,
            },
            Choices = Integer(request, "n", 1, 128) ?? 1,
            StopAtEos = !request.IsTrue("ignore_eos"),
            CacheSalt = request.Has("cache_salt") ? request.Text("cache_salt") : "",
            TimeLimit = options.MaxRequestTime,
        };
    }

    /// <summary>How many of the most probable tokens each token tells beside its own; null for no log-probabilities.</summary>
    /// <param name="request">The request, with the field <c>top_logprobs</c>.</param>
    /// <param name="areWanted">Whether log-probabilities are asked for.</param>
    /// <param name="need">What must be there for <c>top_logprobs</c>, where they are not.</param>
    /// <exception cref="Http.ApiException">The field is not as it must be.</exception>
    public static int? TopLogProbs(JsonFields request, bool areWanted, string need)
    {
        int? top = Integer(request, "top_logprobs", 0, 20);
        if (top > 0 && !areWanted)
            throw request.Bad("top_logprobs", need);
        return areWanted ? top ?? 0 : null;
    }

    /// <summary>The integer, or null where the field is absent or null.</summary>
    public static int? Integer(JsonFields request, string name, int least, int most) =>
        request.Has(name) ? request.Integer(name, least, most) : null;

    /// <summary>Texts that end the answer: a text, or several.</summary>
    /// <param name="request">The request.</param>
    /// <param name="name">The field's name.</param>
    /// <exception cref="Http.ApiException">The field is not as it must be.</exception>
    public static string[] ReadStop(JsonFields request, string name)
    {
        if (request.Optional(name) is not { } stop)
            return [];
        JsonElement[] elements =
            stop.ValueKind == JsonValueKind.Array ? [.. stop.EnumerateArray()] : [stop];
        if (elements.Length > MostStopStrings)
            throw request.Bad(name, $"must have at most {MostStopStrings} texts");
        return
        [
            .. elements.Select(element =>
                element.ValueKind == JsonValueKind.String && request.Text(element, name) is not ""
                    ? element.GetString()!
                    : throw request.Bad(name, "must be a text, or texts, of a character or more")
            ),
        ];
    }

    /// <summary>The fields <c>temperature</c>, <c>top_p</c> and <c>top_k</c>, which all APIs have.</summary>
    /// <param name="request">The request.</param>
    /// <param name="defaults">How tokens are chosen where it doesn't say.</param>
    /// <param name="mostTemperature">The greatest temperature.</param>
    /// <exception cref="Http.ApiException">A field is not as it must be.</exception>
    public static SamplingOptions ReadNucleus(
        JsonFields request,
        SamplingOptions defaults,
        double mostTemperature
    ) =>
        defaults with
        {
            Temperature =
                Number(request, "temperature", 0, mostTemperature) ?? defaults.Temperature,
            // 0 means the most probable token, which is all that the least probability keeps.
            TopP = Math.Max(Number(request, "top_p", 0, 1) ?? defaults.TopP, 1e-6f),
            // −1 is how some clients write "all".
            TopK = Math.Max(Integer(request, "top_k", -1, int.MaxValue) ?? defaults.TopK, 0),
        };

    private static SamplingOptions ReadSampling(
        JsonFields request,
        SamplingOptions defaults,
        int vocabularySize
    ) =>
        ReadNucleus(request, defaults, mostTemperature: 2) with
        {
            MinP = Number(request, "min_p", 0, 1) ?? defaults.MinP,
            PresencePenalty =
                Number(request, "presence_penalty", -2, 2) ?? defaults.PresencePenalty,
            FrequencyPenalty =
                Number(request, "frequency_penalty", -2, 2) ?? defaults.FrequencyPenalty,
            RepetitionPenalty =
                Number(request, "repetition_penalty", 1e-3, 1e3) ?? defaults.RepetitionPenalty,
            LogitBias = ReadBias(request, vocabularySize),
            Seed = ReadSeed(request),
        };

    private static float? Number(JsonFields request, string name, double least, double most) =>
        request.Has(name) ? (float)request.Number(name, least, most) : null;

    private static ulong? ReadSeed(JsonFields request)
    {
        if (request.Optional("seed") is not { } seed)
            return null;
        if (seed.ValueKind == JsonValueKind.Number)
        {
            if (seed.TryGetUInt64(out ulong whole))
                return whole;
            if (seed.TryGetInt64(out long negative))
                return unchecked((ulong)negative);
        }
        throw request.Bad("seed", "must be an integer of 64 bits");
    }

    private static Dictionary<int, float> ReadBias(JsonFields request, int vocabularySize)
    {
        Dictionary<int, float> bias = [];
        if (request.OptionalObject("logit_bias") is not { } fields)
            return bias;
        foreach ((string name, JsonElement value) in fields.Members)
        {
            if (
                !int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                || id >= vocabularySize
                || value.ValueKind != JsonValueKind.Number
                || !value.TryGetSingle(out float added)
                || !(Math.Abs(added) <= MostBias)
                || !bias.TryAdd(id, added)
            )
                throw fields.Bad(
                    name,
                    $"must be from −{MostBias} to {MostBias}, for a token id from 0 to {vocabularySize - 1}, each once"
                );
        }
        return bias;
    }
}
