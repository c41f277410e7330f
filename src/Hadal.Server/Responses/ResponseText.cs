using System.Text.Json;
using Hadal.Answering;
using Hadal.Json;

namespace Hadal.Server.Responses;

/// <summary>The field <c>text</c>: what a message must look like.</summary>
/// <param name="Format">What it is kept to.</param>
/// <param name="Schema">The schema that the model is told of; null for none.</param>
internal readonly record struct ResponseText(AnswerFormat Format, JsonElement? Schema)
{
    /// <exception cref="Http.ApiException">It is not as it must be.</exception>
    public static ResponseText Read(JsonFields request)
    {
        if (request.OptionalObject("text") is not { } text)
            return new(AnswerFormat.Text, null);
        if (text.Has("verbosity"))
            text.RequireText("verbosity", "low", "medium", "high");
        if (text.OptionalObject("format") is not { } format)
            return new(AnswerFormat.Text, null);
        switch (format.RequireText("type", "text", "json_object", "json_schema"))
        {
            case "json_object":
                return new(AnswerFormat.JsonObject, null);
            case "json_schema":
                _ = format.Object("schema");
                JsonElement schema = format.Get("schema").Clone();
                return new(AnswerFormat.JsonSchema(schema), schema);
            default:
                return new(AnswerFormat.Text, null);
        }
    }
}
