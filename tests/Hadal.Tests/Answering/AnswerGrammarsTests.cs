using System.Text;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Grammars;
using static Hadal.Tests.Chat.ChatParserTexts;

namespace Hadal.Tests.Answering;

/// <summary>What calls must look like.</summary>
public sealed class AnswerGrammarsTests
{
    private const string Free = """
        {"name":"free","parameters":{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}}}
        """;

    [Fact]
    public void A_schema_that_need_not_be_kept_to_frees_its_tool_alone()
    {
        ToolDefinition kept = ChatEngines.Tool(ChatEngines.Time);
        ToolDefinition free = ChatEngines.Tool(Free);
        Assert.Throws<GrammarException>(() => Of(kept, With(free, ToolSchemaUse.Kept)));
        Grammar grammar = Of(kept, free);
        Assert.True(Accepts(Call("get_time", Parameter("zone", "UTC"))));
        Assert.False(Accepts(Call("get_time", Parameter("zone", "EST"))));
        Assert.True(Accepts(Call("free", Parameter("a", "[1, 1]", isString: false))));
        Assert.True(Accepts(Call("free", Parameter("b", "x"))));

        bool Accepts(string call) => grammar.Accepts(Encoding.UTF8.GetBytes(Calls(call)));
    }

    [Fact]
    public void A_schema_that_is_only_told_frees_its_tool()
    {
        Grammar grammar = Of(With(ChatEngines.Tool(ChatEngines.Time), ToolSchemaUse.Told));
        string call = Calls(Call("get_time", Parameter("zone", "EST")));
        Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(call)));
    }

    private static ToolDefinition With(ToolDefinition tool, ToolSchemaUse use) =>
        new(tool.Function) { SchemaUse = use };

    private static Grammar Of(params ToolDefinition[] tools) =>
        new AnswerGrammars(ChatFormat.V32).Of(
            new ChatRequest
            {
                Conversation = new ChatConversation { Turns = [], Tools = tools },
                ToolChoice = ToolChoice.Required,
            },
            tools
        )!;
}
