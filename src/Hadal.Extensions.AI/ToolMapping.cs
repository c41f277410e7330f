using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Hadal.Answering;
using Hadal.Chat;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Tools, their choice and their calls, to and from what a <see cref="ChatEngine"/> takes and gives.</summary>
internal static class ToolMapping
{
    private const string Strict = "strict";

    private static readonly JsonTypeInfo<IDictionary<string, object?>> s_arguments =
        (JsonTypeInfo<IDictionary<string, object?>>)
            AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IDictionary<string, object?>));

    /// <exception cref="NotSupportedException">A tool is none that a model in this process can call.</exception>
    public static List<ToolDefinition> Tools(ChatOptions? options) =>
        [.. (options?.Tools ?? []).Select(Tool)];

    public static ToolChoice Choice(ChatOptions? options) =>
        options?.ToolMode switch
        {
            null or AutoChatToolMode => ToolChoice.Auto,
            NoneChatToolMode => ToolChoice.None,
            RequiredChatToolMode { RequiredFunctionName: { } name } => ToolChoice.Tool(name),
            RequiredChatToolMode => ToolChoice.Required,
            { } other => throw OptionMapping.Refusal(
                nameof(ChatOptions.ToolMode),
                other,
                "it must be Auto, None or Required"
            ),
        };

    /// <summary>A call that a message has. Where it is as the model wrote it, so are its arguments.</summary>
    public static ToolCall Call(FunctionCallContent content)
    {
        string arguments = content.Arguments is { } values
            ? JsonSerializer.Serialize(values, s_arguments)
            : "{}";
        return
            content.RawRepresentation is ToolCall raw
            && raw.Id == content.CallId
            && raw.Name == content.Name
            && IsSame(raw.Arguments, arguments)
            ? raw
            : new ToolCall(content.CallId, content.Name, arguments);
    }

    /// <summary>A call that the model made.</summary>
    public static FunctionCallContent Content(ToolCall call)
    {
        FunctionCallContent content = FunctionCallContent.CreateFromParsedArguments(
            call.Arguments,
            call.Id,
            call.Name,
            static text => JsonSerializer.Deserialize(text, s_arguments)
        );
        content.RawRepresentation = call;
        return content;
    }

    private static bool IsSame(string one, string other)
    {
        try
        {
            return JsonElement.DeepEquals(
                JsonDocument.Parse(one).RootElement,
                JsonDocument.Parse(other).RootElement
            );
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ToolDefinition Tool(AITool tool)
    {
        if (tool is not AIFunctionDeclaration function)
            throw OptionMapping.Refusal(
                nameof(ChatOptions.Tools),
                $"{tool.Name} ({tool.GetType().Name})",
                $"only {nameof(AIFunctionDeclaration)} is supported"
            );
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("name", function.Name);
            if (function.Description.Length > 0)
                json.WriteString("description", function.Description);
            json.WritePropertyName("parameters");
            function.JsonSchema.WriteTo(json);
            if (function.AdditionalProperties.TryGetValue(Strict, out object? strict))
                json.WriteBoolean(Strict, IsStrict(strict));
            json.WriteEndObject();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return new ToolDefinition(document.RootElement);
    }

    private static bool IsStrict(object? value) =>
        value switch
        {
            bool isStrict => isStrict,
            JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } json =>
                json.GetBoolean(),
            _ => throw OptionMapping.Refusal(
                $"{nameof(ChatOptions.Tools)}[].{nameof(AITool.AdditionalProperties)}[\"{Strict}\"]",
                value,
                "it must be true or false"
            ),
        };
}
