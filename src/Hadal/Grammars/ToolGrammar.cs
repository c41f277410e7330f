using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Grammars;

/// <summary>Writes the calls of a chat format into an automaton.</summary>
/// <param name="builder">Takes the states.</param>
internal abstract class ToolGrammar(ByteAutomatonBuilder builder)
{
    private static readonly JsonElement s_nothing = JsonDocument
        .Parse("""{"type":"object","additionalProperties":false}""")
        .RootElement;

    protected ByteAutomatonBuilder Builder { get; } = builder;

    /// <summary>The text that only calls begin with, its marks spelled.</summary>
    protected abstract string Trigger { get; }

    public static ToolGrammar Of(ChatFormat format, ByteAutomatonBuilder builder) =>
        format switch
        {
            ChatFormat.V31 => new MarkedToolGrammar(builder),
            ChatFormat.V32 => new DsmlToolGrammar(builder),
            _ => throw new ArgumentException(
                $"the format {format} has no tools; V31 and V32 have",
                nameof(format)
            ),
        };

    /// <summary>Writes answers that may, or must, call tools.</summary>
    public void Write(int start, IReadOnlyList<ToolDefinition> tools, bool required, bool parallel)
    {
        if (tools.Count == 0)
            throw new ArgumentException("there must be a tool", nameof(tools));
        int begun = required
            ? WriteTrigger(start)
            : Builder.Until(start, Trigger, Forbidden, mayEnd: true);
        int call = WriteFirst(begun);
        int called = Builder.NewState();
        var names = new HashSet<string>();
        foreach (ToolDefinition tool in tools)
        {
            if (!names.Add(tool.Name))
                throw new ArgumentException($"two tools are named '{tool.Name}'", nameof(tools));
            try
            {
                WriteCall(call, tool, called);
            }
            catch (GrammarException e)
                when (!e.Message.StartsWith("tool '", StringComparison.Ordinal))
            {
                throw new GrammarException($"{NameOf(tool)}: {e.Message}", e);
            }
        }
        if (parallel)
            Builder.Epsilon(called, call);
        Builder.Accept(WriteEnd(called));
    }

    /// <summary>What text before the calls may not have, as it would be read as calls.</summary>
    protected abstract string[] Forbidden { get; }

    /// <summary>Writes <see cref="Trigger"/>; the state after it.</summary>
    protected abstract int WriteTrigger(int from);

    /// <summary>Writes what comes between it and the first call.</summary>
    protected abstract int WriteFirst(int from);

    /// <summary>Writes a call.</summary>
    protected abstract void WriteCall(int from, ToolDefinition tool, int to);

    /// <summary>Writes what comes after the last call.</summary>
    protected abstract int WriteEnd(int from);

    /// <summary>Makes what writes a tool's arguments, and tells what they must be.</summary>
    /// <exception cref="GrammarException">They are no object, or can't be kept to.</exception>
    protected (SchemaCompiler Compiler, List<SchemaShape> Shapes) Arguments(ToolDefinition tool)
    {
        JsonElement schema =
            tool.SchemaUse == ToolSchemaUse.Told
                ? Grammar.ObjectSchema
                : tool.Parameters ?? s_nothing;
        string name = $"{NameOf(tool)}: parameters";
        var compiler = new SchemaCompiler(new SchemaReader(schema, name), Builder);
        List<SchemaShape> shapes =
        [
            .. compiler
                .ShapesOf(["#"])
                .Where(static shape => (shape.Types & JsonTypes.Object) != 0),
        ];
        if (shapes.Count == 0 || shapes.Exists(static shape => shape.Values is not null))
            throw new GrammarException(
                $"{name}#: arguments are an object with properties; the schema must be of type object, without enum and const"
            );
        return (compiler, shapes);
    }

    protected static string NameOf(ToolDefinition tool) =>
        $"tool '{QuotedText.Shorten(tool.Name)}'";

    /// <summary>Whether arguments may be none but those that a schema names.</summary>
    protected static bool IsClosed(SchemaShape shape) => SchemaMembers.Names(shape.Objects).Any();
}
