using System.Text.Json;
using Hadal.Json;

namespace Hadal.Chat;

/// <summary>
/// A function that a model may call. The whole JSON object is kept, as prompts show all its members in their order.
/// </summary>
public sealed class ToolDefinition
{
    /// <summary>A tool from the <c>function</c> object of OpenAI's <c>tools</c>.</summary>
    /// <param name="function">
    /// An object with <c>name</c>, and where given <c>description</c>, <c>parameters</c>, a JSON schema, and <c>strict</c>. It is
    /// copied. Calls satisfy the schema. Where that can't be kept to, as it has a keyword that no grammar is made for, a tool
    /// with <c>strict</c> true is refused, and one without may be called with any object. With <c>strict</c> false the model is
    /// only told of the schema.
    /// </param>
    /// <exception cref="ConversationException">It is no such object.</exception>
    public ToolDefinition(JsonElement function)
        : this(function, "function") { }

    /// <param name="function">The object.</param>
    /// <param name="path">What errors call it.</param>
    internal ToolDefinition(JsonElement function, string path)
    {
        Text = PythonJson.Write(function, path);
        var fields = new JsonFields(function, path, ConversationException.Create);
        Name = fields.Text("name");
        if (Name.Length == 0)
            throw fields.Bad("name", "must not be empty");
        Description = fields.Has("description") ? fields.Text("description") : "";
        // Without parameters a tool takes none.
        ParametersText = fields.OptionalObject("parameters") is not null
            ? PythonJson.Write(fields.Get("parameters"), $"{path}.parameters")
            : """{"type": "object", "properties": {}}""";
        Function = function.Clone();
        SchemaUse = fields.Optional("strict")?.ValueKind switch
        {
            JsonValueKind.True => ToolSchemaUse.Kept,
            JsonValueKind.False => ToolSchemaUse.Told,
            null => ToolSchemaUse.KeptWherePossible,
            _ => throw fields.Bad("strict", "must be true or false"),
        };
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

    /// <summary>How calls keep to the schema: as <c>strict</c> says, if nothing else was set.</summary>
    internal ToolSchemaUse SchemaUse { get; init; }

    /// <summary>The <c>function</c> object as prompts have it.</summary>
    internal string Text { get; }

    /// <summary>What it is for; empty where that is not given.</summary>
    internal string Description { get; }

    /// <summary>The JSON schema of its arguments as prompts have it.</summary>
    internal string ParametersText { get; }
}
