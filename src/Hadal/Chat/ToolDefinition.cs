using System.Text.Json;

namespace Hadal.Chat;

/// <summary>
/// A function that a model may call. The whole JSON object is kept, as prompts show all its members in their order.
/// </summary>
public sealed class ToolDefinition
{
    /// <summary>A tool from the <c>function</c> object of OpenAI's <c>tools</c>.</summary>
    /// <param name="function">
    /// An object with <c>name</c>, and where given <c>description</c> and <c>parameters</c>, a JSON schema. It is copied.
    /// </param>
    /// <exception cref="ArgumentException">It is no object, or has no name.</exception>
    public ToolDefinition(JsonElement function)
    {
        if (
            function.ValueKind != JsonValueKind.Object
            || !function.TryGetProperty("name", out JsonElement name)
            || name.ValueKind != JsonValueKind.String
            || name.GetString() is not { Length: > 0 } text
        )
            throw new ArgumentException(
                "a tool's function must be an object with a name",
                nameof(function)
            );
        Name = text;
        Function = function.Clone();
    }

    /// <summary>The function's name.</summary>
    public string Name { get; }

    /// <summary>The <c>function</c> object.</summary>
    public JsonElement Function { get; }

    /// <summary>The JSON schema of its arguments; null where none is given: then it takes none.</summary>
    public JsonElement? Parameters =>
        Function.TryGetProperty("parameters", out JsonElement parameters)
        && parameters.ValueKind != JsonValueKind.Null
            ? parameters
            : null;
}
