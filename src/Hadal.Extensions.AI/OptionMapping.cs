using System.Globalization;
using Hadal.Answering;
using Hadal.Generation;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Options as a generator takes them. What has no counterpart is refused by name, never ignored.</summary>
internal static class OptionMapping
{
    private const string MinP = "min_p";
    private const string RepetitionPenalty = "repetition_penalty";

    public static bool Thinks(ChatOptions? options) =>
        options?.Reasoning?.Effort is { } effort && effort != ReasoningEffort.None;

    /// <summary>What the answer must look like, but for a grammar.</summary>
    public static AnswerFormat Format(ChatOptions? options) =>
        options?.ResponseFormat switch
        {
            null or ChatResponseFormatText => AnswerFormat.Text,
            ChatResponseFormatJson { Schema: { } schema } => AnswerFormat.JsonSchema(schema),
            ChatResponseFormatJson => AnswerFormat.JsonObject,
            { } other => throw Refusal(
                nameof(ChatOptions.ResponseFormat),
                other,
                "it must be Text or Json"
            ),
        };

    public static GenerationOptions Map(
        ChatOptions? options,
        GenerationOptions defaults,
        ChatClientMetadata metadata,
        IChatClient client
    )
    {
        if (options is null)
            return defaults;
        Refuse(options, metadata);
        GenerationOptions basis = options.RawRepresentationFactory?.Invoke(client) switch
        {
            null => defaults,
            GenerationOptions own => own,
            { } other => throw Refusal(
                nameof(ChatOptions.RawRepresentationFactory),
                other.GetType(),
                $"it must make {nameof(GenerationOptions)}"
            ),
        };
        if (basis.Choices > 1)
            throw Refusal(
                nameof(ChatOptions.RawRepresentationFactory),
                $"{nameof(GenerationOptions)} with {nameof(basis.Choices)} of {basis.Choices}",
                "an answer is one text"
            );
        SamplingOptions sampling = basis.Sampling with
        {
            Temperature = options.Temperature ?? basis.Sampling.Temperature,
            TopK = options.TopK ?? basis.Sampling.TopK,
            TopP = options.TopP ?? basis.Sampling.TopP,
            FrequencyPenalty = options.FrequencyPenalty ?? basis.Sampling.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? basis.Sampling.PresencePenalty,
            Seed = options.Seed is { } seed ? unchecked((ulong)seed) : basis.Sampling.Seed,
        };
        foreach ((string key, object? value) in options.AdditionalProperties ?? [])
        {
            sampling = key switch
            {
                MinP => sampling with { MinP = Number(key, value) },
                RepetitionPenalty => sampling with { RepetitionPenalty = Number(key, value) },
                _ => throw Refusal(
                    $"{nameof(ChatOptions.AdditionalProperties)}[\"{key}\"]",
                    value,
                    $"only \"{MinP}\" and \"{RepetitionPenalty}\" are known"
                ),
            };
        }
        return basis with
        {
            Sampling = sampling,
            Stop = basis.Stop with
            {
                MaxTokens = options.MaxOutputTokens ?? basis.Stop.MaxTokens,
                Strings = [.. basis.Stop.Strings, .. options.StopSequences ?? []],
            },
        };
    }

    private static void Refuse(ChatOptions options, ChatClientMetadata metadata)
    {
        if (options.ModelId is { } id && id != metadata.DefaultModelId)
            throw Refusal(
                nameof(options.ModelId),
                id,
                $"the model is {metadata.DefaultModelId}, and no other is loaded"
            );
        if (options.ConversationId is { } conversation)
            throw Refusal(
                nameof(options.ConversationId),
                conversation,
                "no conversation is kept: send all its messages"
            );
        if (options.AllowBackgroundResponses is true)
            throw Refusal(
                nameof(options.AllowBackgroundResponses),
                true,
                "answers end with their request"
            );
        if (options.ContinuationToken is { } token)
            throw Refusal(
                nameof(options.ContinuationToken),
                token,
                "answers end with their request"
            );
        if (options.Reasoning?.Output is { } output and not ReasoningOutput.Full)
            throw Refusal(
                $"{nameof(options.Reasoning)}.{nameof(options.Reasoning.Output)}",
                output,
                "thoughts are given in full"
            );
    }

    private static float Number(string key, object? value)
    {
        try
        {
            if (value is IConvertible)
                return Convert.ToSingle(value, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException)
        { }
        throw Refusal(
            $"{nameof(ChatOptions.AdditionalProperties)}[\"{key}\"]",
            value,
            "it must be a number"
        );
    }

    public static NotSupportedException Refusal(string name, object? value, string why) =>
        new($"{nameof(ChatOptions)}.{name} is {value ?? "null"}: {why}");
}
