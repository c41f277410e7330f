using Hadal.Chat;

namespace Hadal.Grammars;

/// <summary>The calls of DeepSeek-V3.1: marks around a name and a JSON object.</summary>
/// <param name="builder">Takes the states.</param>
internal sealed class MarkedToolGrammar(ByteAutomatonBuilder builder) : ToolGrammar(builder)
{
    protected override string Trigger => ChatMarks.CallsBegin;

    protected override string[] Forbidden => [ChatMarks.CallBegin];

    protected override int WriteTrigger(int from) => Builder.Mark(from, Trigger);

    protected override int WriteFirst(int from) => from;

    protected override void WriteCall(int from, ToolDefinition tool, int to)
    {
        (SchemaCompiler compiler, List<SchemaShape> shapes) = Arguments(tool);
        int name = Builder.Literal(Builder.Mark(from, ChatMarks.CallBegin), tool.Name);
        int arguments = Builder.Mark(name, ChatMarks.CallSeparator);
        int end = Builder.NewState();
        foreach (SchemaShape shape in shapes)
            compiler.WriteObject(shape, IsClosed(shape), arguments, end);
        compiler.WriteRules();
        Builder.Epsilon(Builder.Mark(end, ChatMarks.CallEnd), to);
    }

    protected override int WriteEnd(int from) => Builder.Mark(from, ChatMarks.CallsEnd);
}
