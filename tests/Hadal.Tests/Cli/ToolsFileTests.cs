using Hadal.Cli.Chatting;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

public sealed class ToolsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Both_forms_are_read_and_the_model_is_not_told_of_commands()
    {
        IReadOnlyList<ChatTool> tools = Read(
            """
            [{"type": "function", "function": {"name": "a"}, "command": ["x", "$y"]},
             {"name": "b", "command": ["z"], "parameters": {"const": 1.50}},
             {"name": "c"}]
            """
        );
        Assert.Equal(["a", "b", "c"], tools.Select(tool => tool.Definition.Name));
        Assert.Equal(["x", "$y"], tools[0].Command!);
        Assert.Equal(["z"], tools[1].Command!);
        Assert.Null(tools[2].Command);
        Assert.Equal(
            """{"name":"b","parameters":{"const":1.50}}""",
            tools[1].Definition.Function.GetRawText().Replace(" ", "", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("[", "is not JSON")]
    [InlineData("{}", "must be an array")]
    [InlineData("[]", "has no functions")]
    [InlineData("[1]", "[0] must be an object")]
    [InlineData("""[{"name": "a"}, {}]""", "[1]: function: the field 'name' is missing")]
    [InlineData("""[{"name": "\ud800"}]""", "[0]: Cannot read incomplete UTF-16")]
    [InlineData("""[{"name": "a", "command": ["\ud800"]}]""", "[0]: ")]
    [InlineData("""[{"name": "a"}, {"function": {"name": "a"}}]""", "[1] is named 'a'")]
    [InlineData("""[{"name": "a", "command": "x"}]""", "[0].command must be an array")]
    [InlineData("""[{"name": "a", "command": []}]""", "[0].command must be an array")]
    [InlineData("""[{"name": "a", "command": [""]}]""", "[0].command must be an array")]
    [InlineData("""[{"name": "a", "command": ["x", 1]}]""", "[0].command must be an array")]
    [InlineData("""[{"name": "a", "command": ["x\u0000"]}]""", "[0].command must be an array")]
    [InlineData(
        """[{"function": {"name": "a", "command": ["x"]}}]""",
        "[0].function.command must be beside function"
    )]
    public void Other_files_are_refused(string json, string problem)
    {
        HadalException error = Assert.ThrowsAny<HadalException>(() => Read(json));
        Assert.StartsWith("--tools: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("tools.json", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Contains(problem, StringComparison.Ordinal), error.Message);
    }

    private IReadOnlyList<ChatTool> Read(string json)
    {
        File.WriteAllText(_folder.File("tools.json"), json);
        return ToolsFile.Read(new FileInfo(_folder.File("tools.json")), "--tools");
    }
}
