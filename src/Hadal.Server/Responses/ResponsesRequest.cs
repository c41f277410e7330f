using System.Collections.Frozen;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;

namespace Hadal.Server.Responses;

/// <summary>A request of <c>/v1/responses</c>.</summary>
internal sealed record ResponsesRequest
{
    private const string MaxTokens = "max_output_tokens";
    private const string LogProbs = "message.output_text.logprobs";

    /// <summary>All fields that are known.</summary>
    public static FieldTable Fields { get; } =
        new()
        {
            Honoured =
            [
                .. GenerationFields.Names.Except(["n"]),
                "model",
                "input",
                "instructions",
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "text",
                "reasoning",
                "include",
                MaxTokens,
                "top_logprobs",
                "truncation",
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
                "max_tool_calls",
                "prompt_cache_key",
                "prompt_cache_retention",
                "prompt_cache_options",
                "client_metadata",
            ],
            Refused = new Dictionary<string, string>
            {
                [HadalField.Name] = "send it to /v1/chat/completions",
                ["previous_response_id"] =
                    "nothing is stored; send the items of the conversation as input",
                ["conversation"] = "nothing is stored; send the items of the conversation as input",
                ["prompt"] = "nothing is stored; send instructions and input",
                ["background"] = "nothing is stored; wait for the answer, or send stream",
                ["context_management"] = "shorten the conversation yourself",
                ["moderation"] = "leave it out",
                ["n"] = "send the request again",
                ["messages"] = "send input",
                ["max_tokens"] = $"send {MaxTokens}",
                ["max_completion_tokens"] = $"send {MaxTokens}",
                ["response_format"] = "send text with a format",
                ["reasoning_effort"] = "send reasoning with an effort",
                ["thinking"] = "send reasoning with an effort",
                ["chat_template_kwargs"] = "send reasoning with an effort",
                ["logprobs"] = $"send include with {LogProbs}",
            }.ToFrozenDictionary(),
        };

    /// <summary>What is asked.</summary>
    public required ChatRequest Chat { get; init; }

    /// <summary>The tools that can be called.</summary>
    public required ResponseTools Tools { get; init; }

    /// <summary>Translates errors of the conversation.</summary>
    public required ResponsePaths Paths { get; init; }

    /// <summary>What the response repeats of the request.</summary>
    public required ResponseEcho Echo { get; init; }

    /// <summary>Whether the answer comes in pieces.</summary>
    public required bool IsStreamed { get; init; }

    /// <param name="body">The request.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">The limits.</param>
    /// <exception cref="ApiException">A field is not as it must be, or can't be had.</exception>
    /// <exception cref="ConversationException">A function or a schema is not as it must be.</exception>
    public static ResponsesRequest Read(JsonElement body, HadalModel model, HadalOptions options)
    {
        var request = new JsonFields(body, ApiException.Root, ApiException.Create);
        ModelField.Check(request, model);
        Fields.Check(request);
        // A long prompt is refused either way: what to leave out is the client's to say.
        if (request.Has("truncation"))
            request.RequireText("truncation", "disabled", "auto");
        ResponseTools tools = ResponseTools.Read(request);
        ResponseToolChoice choice = ResponseToolChoice.Read(request, tools);
        ResponseTurns turns = ResponseInput.Read(request);
        ResponseText text = ResponseText.Read(request);
        var chat = new ChatRequest
        {
            Conversation = new ChatConversation
            {
                Turns = turns.Turns,
                Tools = [.. choice.Tools.Select(tools.DefinitionOf)],
                ResponseSchema = text.Schema,
                Thinking = ReadThinking(request),
            },
            ToolChoice = choice.Choice,
            ParallelToolCalls =
                !request.Has("parallel_tool_calls") || request.Flag("parallel_tool_calls"),
            Format = text.Format,
            Generation = ReadGeneration(request, model, options),
        };
        return new ResponsesRequest
        {
            Chat = chat,
            Tools = tools,
            Paths = new ResponsePaths(turns.Paths),
            Echo = new ResponseEcho(request, chat),
            IsStreamed = StreamFields.Read(request).IsStreamed,
        };
    }

    private static GenerationOptions ReadGeneration(
        JsonFields request,
        HadalModel model,
        HadalOptions options
    )
    {
        GenerationOptions generation = GenerationFields.Read(
            request,
            GenerationFields.Integer(request, MaxTokens, 1, int.MaxValue),
            model.Sampling,
            options,
            model.Chat.Engine.Model.Config.VocabSize
        );
        return generation with
        {
            LogProbs = GenerationFields.TopLogProbs(
                request,
                Includes(request, LogProbs),
                $"needs include to have {LogProbs}"
            ),
        };
    }

    /// <summary>Whether <c>include</c> has a name; others, of what there is none here, are passed over.</summary>
    private static bool Includes(JsonFields request, string name)
    {
        if (!request.Has("include"))
            return false;
        bool includes = false;
        foreach (JsonElement element in request.Array("include").EnumerateArray())
            includes |= request.Text(element, "include") == name;
        return includes;
    }

    /// <summary>An effort turns thoughts on, whichever it is.</summary>
    private static bool ReadThinking(JsonFields request)
    {
        if (request.OptionalObject("reasoning") is not { } reasoning)
            return false;
        foreach (string name in (string[])["summary", "generate_summary"])
        {
            if (reasoning.Has(name))
                reasoning.RequireText(name, "auto", "concise", "detailed", "none");
        }
        return reasoning.Has("effort")
            && reasoning.RequireText("effort", ChatRequestJson.Efforts) != "none";
    }
}
