using System.Collections.Frozen;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;
using Hadal.Server.Selections;

namespace Hadal.Server.Chat;

/// <summary>A request of <c>/v1/chat/completions</c>.</summary>
internal sealed record ChatCompletionRequest
{
    private const string MaxTokens = "max_tokens";
    private const string MaxCompletionTokens = "max_completion_tokens";

    /// <summary>All fields that are known.</summary>
    public static FieldTable Fields { get; } =
        new()
        {
            Honoured =
            [
                .. GenerationFields.Names,
                "model",
                "messages",
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "response_format",
                MaxTokens,
                MaxCompletionTokens,
                "logprobs",
                "top_logprobs",
                "stream",
                "stream_options",
                "thinking",
                "reasoning_effort",
                "chat_template_kwargs",
                "modalities",
                HadalField.Name,
            ],
            WithoutEffect =
            [
                "store",
                "include",
                "metadata",
                "user",
                "safety_identifier",
                "service_tier",
                "prompt_cache_key",
                "prompt_cache_retention",
                "cache_control",
                "verbosity",
            ],
            Refused = new Dictionary<string, string>
            {
                ["functions"] = "send tools",
                ["function_call"] = "send tool_choice",
                ["audio"] = "answers are text",
                ["prediction"] = "leave it out",
                ["web_search_options"] = "search yourself, and send the results as a tool's",
                ["best_of"] = "ask for n answers and choose",
                ["use_beam_search"] = "leave it out",
                ["guided_json"] = "send response_format with type json_schema",
                ["guided_regex"] = "send response_format with type json_schema and a pattern",
                ["guided_choice"] = "send response_format with type json_schema and an enum",
                ["guided_grammar"] = "send response_format with type json_schema",
                ["structured_outputs"] = "send response_format with type json_schema",
                ["prompt_logprobs"] = "send echo and logprobs to /v1/completions",
                ["chat_template"] = "prompts have the model's own format",
                ["documents"] = "send them in a message",
                ["continue_final_message"] = "send a prompt to /v1/completions",
            }.ToFrozenDictionary(),
        };

    /// <summary>What is asked.</summary>
    public required ChatRequest Chat { get; init; }

    /// <summary>Whether the answer comes in pieces.</summary>
    public required bool IsStreamed { get; init; }

    /// <summary>Whether a stream ends with the usage.</summary>
    public required bool IncludesUsage { get; init; }

    /// <summary>What is told besides.</summary>
    public required HadalField Hadal { get; init; }

    /// <param name="body">The request.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">The limits.</param>
    /// <exception cref="ApiException">A field is not as it must be, or can't be had.</exception>
    /// <exception cref="ConversationException">A message, a tool or a schema is not as it must be.</exception>
    public static ChatCompletionRequest Read(
        JsonElement body,
        HadalModel model,
        HadalOptions options
    )
    {
        var request = new JsonFields(body, ApiException.Root, ApiException.Create);
        ModelField.Check(request, model);
        Fields.Check(request);
        if (request.Has("modalities") && request.RequireTexts("modalities", "text").Length == 0)
            throw request.Bad("modalities", "must be [\"text\"]");
        if (!request.Has("messages"))
            throw ApiException.Field("messages", "is missing; send the conversation");
        ChatConversation conversation = ChatRequestJson.Read(body);
        StreamFields stream = StreamFields.Read(request);
        HadalField hadal = HadalField.Read(request, stream, options);
        GenerationOptions generation = ReadGeneration(request, model, options);
        return new ChatCompletionRequest
        {
            Chat = new ChatRequest
            {
                Conversation = conversation,
                ToolChoice = ReadToolChoice(request),
                ParallelToolCalls =
                    !request.Has("parallel_tool_calls") || request.Flag("parallel_tool_calls"),
                Format = ReadFormat(request, conversation),
                Generation = generation with
                {
                    SelectionTokens = hadal.Selection
                        ? SelectionLimit.Of(model.Chat.Engine.Model, options, generation.Choices)
                        : 0,
                },
            },
            IsStreamed = stream.IsStreamed,
            IncludesUsage = stream.IncludesUsage,
            Hadal = hadal,
        };
    }

    private static GenerationOptions ReadGeneration(
        JsonFields request,
        HadalModel model,
        HadalOptions options
    )
    {
        int? most = GenerationFields.Integer(request, MaxTokens, 1, int.MaxValue);
        // Its newer name wins where both are there.
        most = GenerationFields.Integer(request, MaxCompletionTokens, 1, int.MaxValue) ?? most;
        GenerationOptions generation = GenerationFields.Read(
            request,
            most,
            model.Sampling,
            options,
            model.Chat.Engine.Model.Config.VocabSize
        );
        return generation with
        {
            LogProbs = GenerationFields.TopLogProbs(
                request,
                request.IsTrue("logprobs"),
                "needs logprobs to be true"
            ),
        };
    }

    private static ToolChoice ReadToolChoice(JsonFields request)
    {
        if (request.Optional("tool_choice") is not { } choice)
            return ToolChoice.Auto;
        if (choice.ValueKind == JsonValueKind.Object)
        {
            JsonFields named = request.Object("tool_choice");
            named.Require("type", "function");
            return ToolChoice.Tool(named.Object("function").Text("name"));
        }
        return request.RequireText("tool_choice", "none", "auto", "required") switch
        {
            "none" => ToolChoice.None,
            "required" => ToolChoice.Required,
            _ => ToolChoice.Auto,
        };
    }

    // The reader of conversations has checked the field.
    private static AnswerFormat ReadFormat(JsonFields request, ChatConversation conversation) =>
        conversation.ResponseSchema is { } schema ? AnswerFormat.JsonSchema(schema)
        : request.OptionalObject("response_format")?.Text("type") == "json_object"
            ? AnswerFormat.JsonObject
        : AnswerFormat.Text;
}
