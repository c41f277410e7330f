using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Grammars;

namespace Hadal.Tests.Grammars;

public sealed class ToolsOrSchemaTests
{
    private const string Call32 =
        "\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"x\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>";

    private const string Call31 =
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"x\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

    [Theory]
    [InlineData(ChatFormat.V31, Call31)]
    [InlineData(ChatFormat.V32, Call32)]
    public void An_answer_is_calls_or_json_and_never_both(ChatFormat format, string call)
    {
        var grammar = Grammar.FromToolsOrJsonSchema(
            format,
            [
                new ToolDefinition(
                    Json(
                        """{"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}"""
                    )
                ),
            ],
            Json("""{"type": "array", "items": {"const": 2}}""")
        );
        Assert.True(Accepts(call));
        Assert.True(Accepts("[2, 2]"));
        Assert.False(Accepts(""));
        Assert.False(Accepts("[1]"));
        Assert.False(Accepts("text"));
        Assert.False(Accepts($"[2]{call}"));
        Assert.False(Accepts($"{call}[2]"));
        Assert.False(Accepts($"text{call}"));
        Assert.False(Accepts(call.Replace('1', 'a')));

        bool Accepts(string text) => grammar.Accepts(Encoding.UTF8.GetBytes(text));
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
