using System.Collections.Frozen;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;

namespace Hadal.Server.Messages;

/// <summary>A request of <c>/v1/messages</c>.</summary>
internal sealed record MessagesRequest
{
    private const string ThinkingField = "thinking";

    /// <summary>All fields that are known.</summary>
    public static FieldTable Fields { get; } =
        new()
        {
            Honoured =
            [
                "model",
                "messages",
                "max_tokens",
                "system",
                "tools",
                "tool_choice",
                "stop_sequences",
                "temperature",
                "top_p",
                "top_k",
                ThinkingField,
                "output_config",
                "output_format",
                "stream",
            ],
            WithoutEffect =
            [
                "metadata",
                "service_tier",
                "cache_control",
                "context_management",
                "inference_geo",
                "speed",
                "diagnostics",
                "user_profile_id",
                "billing_policy",
                "fallbacks",
                "fallback_credit_token",
            ],
            Refused = new Dictionary<string, string>
            {
                [HadalField.Name] = "send it to /v1/chat/completions",
                ["container"] = "run code yourself, and send the results as a tool's",
                ["mcp_servers"] = "connect to them yourself, and send their tools",
                ["compaction"] = "ask for a summary in a message",
                ["thread"] = "send all messages each time",
            }.ToFrozenDictionary(),
        };

    /// <summary>What is asked.</summary>
    public required ChatRequest Chat { get; init; }

    /// <summary>Whether the answer comes in pieces.</summary>
    public required bool IsStreamed { get; init; }

    /// <summary>Whether the answer has its thought without the text.</summary>
    public required bool OmitsThoughts { get; init; }

    /// <param name="body">The request.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">The limits.</param>
    /// <exception cref="ApiException">A field is not as it must be, or can't be had.</exception>
    public static MessagesRequest Read(JsonElement body, HadalModel model, HadalOptions options)
    {
        var request = new JsonFields(body, ApiException.Root, ApiException.Create);
        ChatRequest chat = ReadChat(body, model);
        return new MessagesRequest
        {
            Chat = chat with { Generation = ReadGeneration(request, model, options) },
            IsStreamed = request.IsTrue("stream"),
            OmitsThoughts =
                request.OptionalObject(ThinkingField) is { } thinking
                && thinking.Has("display")
                && thinking.Text("display") == "omitted",
        };
    }

    /// <summary>What the prompt is made of, and the choice of tools and the format.</summary>
    /// <param name="body">The request.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="ApiException">A field is not as it must be, or can't be had.</exception>
    public static ChatRequest ReadChat(JsonElement body, HadalModel model)
    {
        var request = new JsonFields(body, ApiException.Root, ApiException.Create);
        ModelField.Check(request, model);
        Fields.Check(request);
        IReadOnlyList<ChatTurn> turns = MessageConversation.Read(request);
        List<ToolDefinition> tools = MessageTools.Read(request);
        (ToolChoice choice, bool parallel) = ReadToolChoice(request);
        JsonElement? schema = ReadSchema(request);
        var conversation = new ChatConversation
        {
            Turns = turns,
            Tools = choice == ToolChoice.None ? [] : tools,
            ResponseSchema = schema,
        };
        return new ChatRequest
        {
            Conversation = conversation with
            {
                Thinking = ReadThinking(request, conversation, model.Chat.Template.Format),
            },
            ToolChoice = choice,
            ParallelToolCalls = parallel,
            Format = schema is { } json ? AnswerFormat.JsonSchema(json) : AnswerFormat.Text,
        };
    }

    private static GenerationOptions ReadGeneration(
        JsonFields request,
        HadalModel model,
        HadalOptions options
    )
    {
        if (!request.Has("max_tokens"))
            throw ApiException.Field("max_tokens", "is missing; send the most tokens to generate");
        return new GenerationOptions
        {
            Sampling = GenerationFields.ReadNucleus(request, model.Sampling, mostTemperature: 1),
            Stop = new StopConditions
            {
                Strings = GenerationFields.ReadStop(request, "stop_sequences"),
                MaxTokens = request.Integer("max_tokens", 1, int.MaxValue),
            },
            TimeLimit = options.MaxRequestTime,
        };
    }

    private static (ToolChoice Choice, bool Parallel) ReadToolChoice(JsonFields request)
    {
        if (request.OptionalObject("tool_choice") is not { } choice)
            return (ToolChoice.Auto, true);
        string type = choice.RequireText("type", "auto", "any", "tool", "none");
        return (
            type switch
            {
                "any" => ToolChoice.Required,
                "tool" => ToolChoice.Tool(choice.Text("name")),
                "none" => ToolChoice.None,
                _ => ToolChoice.Auto,
            },
            !choice.IsTrue("disable_parallel_tool_use")
        );
    }

    private static JsonElement? ReadSchema(JsonFields request)
    {
        JsonFields? format = request.OptionalObject("output_format");
        if (request.OptionalObject("output_config") is { } config)
        {
            if (config.Has("effort"))
                config.RequireText("effort", "low", "medium", "high", "xhigh", "max");
            format = config.OptionalObject("format") ?? format;
        }
        if (format is not { } found)
            return null;
        found.Require("type", "json_schema");
        _ = found.Object("schema");
        return found.Get("schema");
    }

    /// <summary>
    /// Whether the model thinks. Where the choice is its own, it does wherever its format can; a budget is read, and bounds
    /// nothing but with <c>max_tokens</c>.
    /// </summary>
    private static bool ReadThinking(
        JsonFields request,
        ChatConversation conversation,
        ChatFormat format
    )
    {
        if (request.OptionalObject(ThinkingField) is not { } thinking)
            return false;
        GenerationFields.Integer(thinking, "budget_tokens", 1, int.MaxValue);
        return thinking.RequireText("type", "enabled", "disabled", "adaptive") switch
        {
            "enabled" => true,
            "adaptive" => format == ChatFormat.V32
                || format == ChatFormat.V31
                    && conversation.Tools.Count == 0
                    && conversation.Turns[^1].ToolCallId is null,
            _ => false,
        };
    }
}
