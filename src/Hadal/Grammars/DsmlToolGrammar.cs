using System.Text;
using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Grammars;

/// <summary>The calls of DeepSeek-V3.2: tags around parameters, of which strings stand as they are, and others as JSON.</summary>
/// <param name="builder">Takes the states.</param>
internal sealed class DsmlToolGrammar(ByteAutomatonBuilder builder) : ToolGrammar(builder)
{
    // What a parser reads as the end of a value, or as more than that.
    private const string Open = $"<{ChatMarks.Dsml}";
    private const string Close = $"</{ChatMarks.Dsml}";

    private static readonly Lazy<CharAutomaton> s_content = new(() =>
        CharAutomaton.Intersect(CharAutomaton.Avoiding(Open), CharAutomaton.Avoiding(Close))
    );

    private static readonly Lazy<CharAutomaton> s_name = new(() =>
        RegexAutomaton.Compile("[^\"<>\\n\\r]+", search: false)
    );

    // Without more: whatever other tag would be read as a call, too.
    protected override string Trigger => Open;

    protected override string[] Forbidden => [];

    // The encoder puts a blank line before calls, whatever was said: what is written so is found in the cache again.
    protected override int WriteTrigger(int from) => Tag(Builder.Literal(from, "\n\n"), "<", "");

    protected override int WriteFirst(int from) => Builder.Literal(from, "function_calls>\n");

    protected override void WriteCall(int from, ToolDefinition tool, int to)
    {
        (SchemaCompiler compiler, List<SchemaShape> shapes) = Arguments(tool);
        int begin = Tag(from, "<", $"invoke name=\"{Attribute(tool.Name, tool)}\">\n");
        int end = Builder.NewState();
        foreach (SchemaShape shape in shapes)
            WriteParameters(tool, compiler, shape, begin, end);
        compiler.WriteRules();
        Builder.Epsilon(Tag(end, "</", "invoke>\n"), to);
    }

    protected override int WriteEnd(int from) => Tag(from, "</", "function_calls>");

    private void WriteParameters(
        ToolDefinition tool,
        SchemaCompiler compiler,
        SchemaShape shape,
        int from,
        int to
    )
    {
        (int none, int some) = (from, Builder.NewState());
        var required = shape.Objects.SelectMany(static node => node.Required).ToHashSet();
        foreach (string name in SchemaMembers.Names(shape.Objects))
        {
            int before = Builder.NewState();
            (int nextNone, int after) = (Builder.NewState(), Builder.NewState());
            Builder.Epsilon(none, before);
            Builder.Epsilon(some, before);
            int named = Builder.Literal(
                Tag(before, "<", "parameter name=\""),
                Attribute(name, tool)
            );
            WriteParameter(
                compiler,
                compiler.ShapesOf(SchemaMembers.Property(shape.Objects, name)),
                named,
                after
            );
            if (!required.Contains(name))
            {
                Builder.Epsilon(none, nextNone);
                Builder.Epsilon(some, after);
            }
            (none, some) = (nextNone, after);
        }
        Builder.Literal(none, "\n", to);
        Builder.Epsilon(some, to);
        if (IsClosed(shape))
            return;
        int again = Builder.NewState();
        Builder.Epsilon(none, again);
        Builder.Epsilon(some, again);
        int other = Tag(again, "<", "parameter name=\"");
        int free = Builder.NewState();
        Builder.Text(other, s_name.Value, isJson: false, 0, -1, free);
        WriteParameter(
            compiler,
            compiler.ShapesOf(SchemaMembers.Property(shape.Objects, null)),
            free,
            some
        );
    }

    private void WriteParameter(SchemaCompiler compiler, List<SchemaShape> shapes, int from, int to)
    {
        int string_ = Builder.Literal(from, "\" string=\"true\">");
        int json = Builder.Literal(from, "\" string=\"false\">");
        int value = Builder.NewState();
        int end = Tag(value, "</", "parameter>");
        List<SchemaShape> others = [];
        List<byte[]> literals = [];
        foreach (SchemaShape shape in shapes)
        {
            if (shape.Values is not null)
            {
                JsonElement[] values = [.. compiler.ValuesOf(shape)];
                if (values.FirstOrDefault(IsMarkup) is { ValueKind: JsonValueKind.String } markup)
                    throw new GrammarException(
                        $"the value {QuotedText.Shorten(markup.GetRawText())} can't stand in a call: it has a tag of calls"
                    );
                literals.AddRange(
                    values
                        .Where(static it => it.ValueKind == JsonValueKind.String)
                        .Select(static it => Encoding.UTF8.GetBytes(it.GetString()!))
                );
                others.Add(
                    shape with
                    {
                        Values = values
                            .Where(static it => it.ValueKind != JsonValueKind.String)
                            .ToHashSet(JsonValueComparer.Instance),
                    }
                );
                continue;
            }
            if ((shape.Types & JsonTypes.String) != 0)
                WriteString(compiler, shape, string_, value, end);
            others.Add(shape with { Types = shape.Types & ~JsonTypes.String });
        }
        Builder.Literals(string_, literals, value);
        compiler.WriteValue(others, json, value);
        Builder.Literal(end, "\n", to);
    }

    private void WriteString(
        SchemaCompiler compiler,
        SchemaShape shape,
        int from,
        int value,
        int end
    )
    {
        (CharAutomaton characters, int min, int max) = compiler.StringOf(shape);
        if (characters == CharAutomaton.Anything && min == 0 && max < 0)
        {
            int close = Builder.Until(from, Close, [Open], mayEnd: false);
            Builder.Epsilon(Builder.Literal(close, "parameter>"), end);
            return;
        }
        characters =
            characters == CharAutomaton.Anything
                ? s_content.Value
                : CharAutomaton.Intersect(characters, s_content.Value);
        Builder.Text(from, characters, isJson: false, min, max, value);
    }

    private static bool IsMarkup(JsonElement value) =>
        value.ValueKind == JsonValueKind.String
        && value.GetString() is { } text
        && (
            text.Contains(Open, StringComparison.Ordinal)
            || text.Contains(Close, StringComparison.Ordinal)
        );

    private int Tag(int from, string open, string rest) =>
        Builder.Literal(Builder.Mark(Builder.Literal(from, open), ChatMarks.Dsml), rest);

    private static string Attribute(string name, ToolDefinition tool) =>
        name.AsSpan().IndexOfAny("\"<>\r\n") < 0
            ? name
            : throw new GrammarException(
                $"{NameOf(tool)}: the name '{QuotedText.Shorten(name)}' can't stand in a call; it must be without quotes, angle brackets and line ends"
            );
}
