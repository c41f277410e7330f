using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Grammars;

/// <summary>
/// What an answer must look like. It is compiled once and may be shared by requests, engines and threads; the states that texts
/// come to are kept, within bounds, so that later steps find them.
/// </summary>
public sealed class Grammar
{
    private readonly ByteAutomaton _automaton;
    private readonly ConditionalWeakTable<GrammarVocabulary, GrammarTables> _tables;

    private Grammar(ByteAutomaton automaton)
    {
        _automaton = automaton;
        _tables = [];
        Start = automaton.Start;
    }

    private Grammar(Grammar other, int start)
    {
        _automaton = other._automaton;
        _tables = other._tables;
        Start = start;
    }

    /// <summary>The schema of JSON objects, whatever they hold.</summary>
    internal static JsonElement ObjectSchema { get; } =
        JsonDocument.Parse("""{"type":"object"}""").RootElement;

    /// <summary>States of its automaton.</summary>
    internal int StateCount => _automaton.StateCount;

    /// <summary>The state in which texts begin.</summary>
    internal int Start { get; }

    /// <summary>
    /// Texts that are JSON and satisfy a schema of JSON Schema: written compactly, with one space at most after <c>,</c> and
    /// <c>:</c>, the members of objects in the order in which the schema has them, others after them.
    /// </summary>
    /// <remarks>
    /// Kept to are type, enum, const, properties, required, additionalProperties, items, prefixItems, additionalItems, minItems,
    /// maxItems, minLength, maxLength, pattern, the formats date-time, date, time, uuid, email, ipv4 and ipv6, minimum, maximum,
    /// exclusiveMinimum, exclusiveMaximum, anyOf, oneOf as anyOf, allOf, and $ref within the schema, recursive ones too. Other
    /// keywords that assert something are refused; what asserts nothing is passed over.
    /// </remarks>
    /// <param name="schema">The schema.</param>
    /// <exception cref="GrammarException">
    /// It can't be kept to, or nothing satisfies it; the message names the place in the schema, as a JSON pointer.
    /// </exception>
    public static Grammar FromJsonSchema(JsonElement schema)
    {
        var builder = new ByteAutomatonBuilder();
        int start = builder.NewState();
        WriteJson(builder, schema, start);
        return Build(builder, start, "schema#");
    }

    /// <summary>Texts that are JSON objects, whatever they hold.</summary>
    public static Grammar FromJsonObject() => FromJsonSchema(ObjectSchema);

    /// <summary>Texts that a regular expression of ECMA-262 describes as a whole, by Unicode code points.</summary>
    /// <param name="pattern">The pattern; without look-around, back references and word boundaries.</param>
    /// <exception cref="GrammarException">It is broken, not supported or too large, or no text matches it.</exception>
    public static Grammar FromRegex(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var builder = new ByteAutomatonBuilder();
        int start = builder.NewState();
        int end = builder.NewState();
        builder.Accept(end);
        builder.Text(
            start,
            RegexAutomaton.Compile(pattern, search: false),
            isJson: false,
            0,
            -1,
            end
        );
        return Build(builder, start, $"pattern '{QuotedText.Shorten(pattern)}'");
    }

    /// <summary>One of a number of texts.</summary>
    /// <param name="choices">The texts, at least one, none empty.</param>
    /// <exception cref="ArgumentException">There is none, or one is empty or no Unicode text.</exception>
    /// <exception cref="GrammarException">They are too long together.</exception>
    public static Grammar FromChoices(IEnumerable<string> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        string[] texts = [.. choices];
        if (texts.Length == 0 || texts.Any(string.IsNullOrEmpty))
            throw new ArgumentException("there must be a choice, and none empty", nameof(choices));
        List<byte[]> literals;
        try
        {
            var utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);
            literals = [.. texts.Select(utf8.GetBytes)];
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException(
                $"a choice is not valid Unicode text: {e.Message}",
                nameof(choices),
                e
            );
        }
        var builder = new ByteAutomatonBuilder();
        int start = builder.NewState();
        int end = builder.NewState();
        builder.Accept(end);
        builder.Literals(start, literals, end);
        return Build(builder, start, "choices");
    }

    /// <summary>Answers that may, or must, call tools, with arguments that satisfy the tools' schemas.</summary>
    /// <remarks>
    /// Arguments are those that a tool declares; others may come only where it declares none. A tool whose
    /// <c>strict</c> is false may be called with any arguments.
    /// </remarks>
    /// <param name="format">The format of the model: V31 or V32.</param>
    /// <param name="tools">The tools, at least one.</param>
    /// <param name="required">Whether the answer is calls and nothing else; else any text may come, and calls after it.</param>
    /// <param name="parallel">Whether there may be several calls.</param>
    /// <exception cref="ArgumentException">There is no tool, two have one name, or the format has no tools.</exception>
    /// <exception cref="GrammarException">A tool's schema can't be kept to; the message names the tool and the place.</exception>
    public static Grammar FromTools(
        ChatFormat format,
        IReadOnlyList<ToolDefinition> tools,
        bool required,
        bool parallel = true
    )
    {
        ArgumentNullException.ThrowIfNull(tools);
        var builder = new ByteAutomatonBuilder();
        int start = builder.NewState();
        ToolGrammar.Of(format, builder).Write(start, tools, required, parallel);
        return Build(builder, start, "tools");
    }

    /// <summary>Answers that either call tools, as <see cref="FromTools"/> requires it, or are JSON, as <see cref="FromJsonSchema"/> has it.</summary>
    /// <param name="format">The format of the model: V31 or V32.</param>
    /// <param name="tools">The tools, at least one.</param>
    /// <param name="schema">The schema of answers without calls.</param>
    /// <param name="parallel">Whether there may be several calls.</param>
    /// <exception cref="ArgumentException">There is no tool, two have one name, or the format has no tools.</exception>
    /// <exception cref="GrammarException">A schema can't be kept to; the message names the place.</exception>
    public static Grammar FromToolsOrJsonSchema(
        ChatFormat format,
        IReadOnlyList<ToolDefinition> tools,
        JsonElement schema,
        bool parallel = true
    )
    {
        ArgumentNullException.ThrowIfNull(tools);
        var builder = new ByteAutomatonBuilder();
        int start = builder.NewState();
        int json = builder.NewState();
        builder.Epsilon(start, json);
        WriteJson(builder, schema, json);
        int calls = builder.NewState();
        builder.Epsilon(start, calls);
        ToolGrammar.Of(format, builder).Write(calls, tools, required: true, parallel);
        return Build(builder, start, "tools or schema");
    }

    /// <summary>The same after a thought: any text up to <c>&lt;/think&gt;</c>, then what this grammar says.</summary>
    public Grammar AfterThought() => new(this, _automaton.ThoughtStart);

    /// <summary>Whether a text is one of the grammar's, its marks spelled.</summary>
    /// <param name="text">The text, in UTF-8.</param>
    public bool Accepts(ReadOnlySpan<byte> text)
    {
        var cursor = new GrammarCursor(new GrammarTables(_automaton, null), Start);
        for (int i = 0; i < text.Length; i++)
        {
            if (!cursor.TryTake(text.Slice(i, 1)))
                return false;
        }
        return cursor.MayEnd;
    }

    internal GrammarTables TablesOf(GrammarVocabulary vocabulary) =>
        _tables.GetValue(vocabulary, it => new GrammarTables(_automaton, it));

    private static void WriteJson(ByteAutomatonBuilder builder, JsonElement schema, int start)
    {
        int end = builder.NewState();
        builder.Accept(end);
        var compiler = new SchemaCompiler(new SchemaReader(schema, "schema"), builder);
        try
        {
            compiler.WriteValue(compiler.ShapesOf(["#"]), start, end);
            compiler.WriteRules();
        }
        catch (GrammarException e) when (!e.Message.StartsWith("schema#", StringComparison.Ordinal))
        {
            throw new GrammarException($"schema#: {e.Message}", e);
        }
    }

    private static Grammar Build(ByteAutomatonBuilder builder, int start, string name)
    {
        try
        {
            return new Grammar(builder.Build(start));
        }
        catch (GrammarException e)
        {
            throw new GrammarException($"{name}: {e.Message}", e);
        }
    }
}
