using System.Text.Json;
using Hadal.Chat;
using Hadal.Grammars;

namespace Hadal.Answering;

/// <summary>What the content of an answer must look like. Calls of tools and thoughts are no part of it.</summary>
public sealed class AnswerFormat
{
    private AnswerFormat() { }

    /// <summary>Any text.</summary>
    public static AnswerFormat Text { get; } = new();

    /// <summary>A JSON object, whatever it holds.</summary>
    public static AnswerFormat JsonObject { get; } = JsonSchema(Grammar.ObjectSchema);

    /// <summary>The schema; null for none.</summary>
    internal JsonElement? Schema { get; private init; }

    /// <summary>The grammar; null for none.</summary>
    internal Grammar? Grammar { get; private init; }

    /// <summary>
    /// JSON that satisfies a schema, as <see cref="Grammar.FromJsonSchema"/> has it. A model that is not told of it answers
    /// poorly: see <see cref="ChatConversation.ResponseSchema"/>, or tell it in a message.
    /// </summary>
    /// <param name="schema">The schema; it is copied.</param>
    public static AnswerFormat JsonSchema(JsonElement schema) => new() { Schema = schema.Clone() };

    /// <summary>A text of a grammar.</summary>
    /// <param name="grammar">The grammar.</param>
    public static AnswerFormat Of(Grammar grammar)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        return new() { Grammar = grammar };
    }
}
