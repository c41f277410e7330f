using System.Collections.Frozen;
using System.Text.Json;
using Hadal.Generation;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;

namespace Hadal.Server.Completions;

/// <summary>A request of <c>/v1/completions</c>.</summary>
internal sealed record CompletionRequest
{
    private const int DefaultMaxTokens = 16;

    // Each text that waits takes memory of its own.
    private const int MostTexts = 256;

    /// <summary>All fields that are known.</summary>
    public static FieldTable Fields { get; } =
        new()
        {
            Honoured =
            [
                .. GenerationFields.Names,
                "model",
                "prompt",
                "suffix",
                "max_tokens",
                "echo",
                "logprobs",
                "stream",
                "stream_options",
            ],
            WithoutEffect =
            [
                "store",
                "metadata",
                "user",
                "safety_identifier",
                "service_tier",
                "prompt_cache_key",
                "prompt_cache_retention",
            ],
            Refused = new Dictionary<string, string>
            {
                ["best_of"] = "ask for n texts and choose",
                ["use_beam_search"] = "leave it out",
                ["response_format"] = "send it to /v1/chat/completions",
                ["guided_json"] = "send response_format to /v1/chat/completions",
                ["guided_regex"] = "send response_format to /v1/chat/completions",
                ["guided_choice"] = "send response_format to /v1/chat/completions",
                ["guided_grammar"] = "send response_format to /v1/chat/completions",
                ["structured_outputs"] = "send response_format to /v1/chat/completions",
                ["prompt_logprobs"] = "send echo and logprobs",
                [HadalField.Name] = "send it to /v1/chat/completions",
                ["prompt_embeds"] = "send a text or token ids",
            }.ToFrozenDictionary(),
        };

    /// <summary>Make the tokens of each prompt.</summary>
    public required IReadOnlyList<Func<CancellationToken, int[]>> Prompts { get; init; }

    /// <summary>How to go on.</summary>
    public required GenerationOptions Generation { get; init; }

    /// <summary>Whether the prompt is in the answer.</summary>
    public required bool IsEchoed { get; init; }

    /// <summary>Whether nothing but the prompt is: no token is wanted, but the engine makes one.</summary>
    public required bool IsPromptAlone { get; init; }

    /// <summary>Whether and how the answer comes in pieces.</summary>
    public required StreamFields Stream { get; init; }

    /// <param name="body">The request.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">The limits.</param>
    /// <param name="mostPrompts">The most prompts.</param>
    /// <exception cref="ApiException">A field is not as it must be, or can't be had.</exception>
    public static CompletionRequest Read(
        JsonElement body,
        HadalModel model,
        HadalOptions options,
        int mostPrompts
    )
    {
        var request = new JsonFields(body, ApiException.Root, ApiException.Create);
        ModelField.Check(request, model);
        Fields.Check(request);
        bool isEchoed = request.IsTrue("echo");
        int most =
            GenerationFields.Integer(request, "max_tokens", isEchoed ? 0 : 1, int.MaxValue)
            ?? DefaultMaxTokens;
        int? top = GenerationFields.Integer(request, "logprobs", 0, 20);
        var prompts = CompletionPrompt.Read(request, model.Chat.Engine.Tokenizer, mostPrompts);
        GenerationOptions generation = GenerationFields.Read(
            request,
            Math.Max(most, 1),
            model.Sampling,
            options,
            model.Chat.Engine.Model.Config.VocabSize
        );
        if (generation.Choices > 1 && prompts.Count * generation.Choices > MostTexts)
            throw request.Bad(
                "n",
                $"and there are {prompts.Count} prompts; they must make at most {MostTexts} texts"
            );
        return new CompletionRequest
        {
            Prompts = prompts,
            Generation = generation with { LogProbs = top, PromptLogProbs = isEchoed ? top : null },
            IsEchoed = isEchoed,
            IsPromptAlone = most == 0,
            Stream = StreamFields.Read(request),
        };
    }
}
