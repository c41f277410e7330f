using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Grammars;

/// <summary>
/// What an answer must look like. It is compiled once and may be shared by requests, engines and threads; the states that texts
/// visit are kept, within bounds, so that later steps find them.
/// </summary>
public sealed class Grammar
{
    /// <summary>Texts that are JSON and satisfy a JSON schema, written compactly, but for one space after <c>,</c> and <c>:</c>.</summary>
    /// <param name="schema">The schema.</param>
    /// <exception cref="GrammarException">It can't be kept to; the message names the place in the schema, as a JSON pointer.</exception>
    public static Grammar FromJsonSchema(JsonElement schema) => throw new NotImplementedException();

    /// <summary>Texts that are JSON objects.</summary>
    public static Grammar FromJsonObject() => throw new NotImplementedException();

    /// <summary>Texts that a regular expression of ECMA-262 describes as a whole.</summary>
    /// <param name="pattern">The pattern; without look-around and back references.</param>
    /// <exception cref="GrammarException">It can't be kept to.</exception>
    public static Grammar FromRegex(string pattern) => throw new NotImplementedException();

    /// <summary>One of a number of texts.</summary>
    /// <param name="choices">The texts, at least one, none empty.</param>
    /// <exception cref="GrammarException">There is none, or one is empty.</exception>
    public static Grammar FromChoices(IEnumerable<string> choices) =>
        throw new NotImplementedException();

    /// <summary>Answers that may, or must, call tools with arguments that satisfy the tools' schemas.</summary>
    /// <param name="format">The format of the model: V31 or V32.</param>
    /// <param name="tools">The tools, at least one.</param>
    /// <param name="required">Whether the answer is calls and nothing else; otherwise any text may come, and calls after it.</param>
    /// <param name="parallel">Whether there may be several calls.</param>
    /// <exception cref="GrammarException">A tool's schema can't be kept to; the message names the tool and the place.</exception>
    public static Grammar FromTools(
        ChatFormat format,
        IReadOnlyList<ToolDefinition> tools,
        bool required,
        bool parallel = true
    ) => throw new NotImplementedException();

    /// <summary>The same after a thought: any text up to <c>&lt;/think&gt;</c>, then what this grammar says.</summary>
    public Grammar AfterThought() => throw new NotImplementedException();

    /// <summary>Whether a text, in UTF-8, is one of the grammar's.</summary>
    /// <param name="text">The text.</param>
    public bool Accepts(ReadOnlySpan<byte> text) => throw new NotImplementedException();
}
