using System.CommandLine;
using Hadal.Answering;
using Hadal.Cli.Chatting;

namespace Hadal.Cli.Arguments;

/// <summary>What a model may call, and how results are had.</summary>
internal sealed class ToolArguments
{
    private readonly Option<FileInfo?> _tools = new("--tools")
    {
        Description =
            "Functions that the model may call: OpenAI's tools as JSON, each with a \"command\" besides where a program gives its results",
        HelpName = "path",
    };
    private readonly Option<string> _choice = new("--tool-choice")
    {
        Description =
            "Whether the first answer of a turn calls a tool: auto, none, required, or the name of the tool",
        HelpName = "choice",
        DefaultValueFactory = _ => "auto",
    };
    private readonly Option<bool> _allowExec = new("--allow-exec")
    {
        Description =
            "Runs the tools' commands, without asking and with all rights that you have; a command gets the arguments as JSON on its standard input",
    };
    private readonly Option<int> _execSeconds = new("--exec-seconds")
    {
        Description = "The longest that a command may run",
        HelpName = "seconds",
        DefaultValueFactory = _ => 30,
    };
    private readonly Option<int> _maxRounds = new("--max-rounds")
    {
        Description = "The most times in a turn that the model gets results and goes on",
        HelpName = "count",
        DefaultValueFactory = _ => 8,
    };

    public ToolArguments(Command command)
    {
        const int day = 24 * 60 * 60;
        _execSeconds.MustBeFrom(1, day);
        _maxRounds.MustBeFrom(0, int.MaxValue);
        command.Add(_tools);
        command.Add(_choice);
        command.Add(_allowExec);
        command.Add(_execSeconds);
        command.Add(_maxRounds);
    }

    public int MaxRounds(ParseResult result) => result.GetValue(_maxRounds);

    /// <summary>Runs the tools' programs; null where that is not allowed.</summary>
    public ToolProgram? Program(ParseResult result) =>
        result.GetValue(_allowExec)
            ? new ToolProgram(TimeSpan.FromSeconds(result.GetValue(_execSeconds)))
            : null;

    /// <exception cref="HadalException">The file is not JSON, or not of functions.</exception>
    /// <exception cref="UsageException">The choice names none of them.</exception>
    public (IReadOnlyList<ChatTool> Tools, ToolChoice Choice) Read(ParseResult result)
    {
        IReadOnlyList<ChatTool> tools = result.GetValue(_tools) is { } file
            ? ToolsFile.Read(file, _tools.Name)
            : [];
        ToolChoice choice = result.GetValue(_choice)! switch
        {
            "auto" => ToolChoice.Auto,
            "none" => ToolChoice.None,
            "required" => ToolChoice.Required,
            { } name => ToolChoice.Tool(name),
        };
        // Without a file now, there may be one later.
        bool isKnown =
            tools.Count == 0
            || choice.ToolName is null
            || tools.Any(tool => tool.Definition.Name == choice.ToolName);
        return isKnown
            ? (tools, choice)
            : throw new UsageException(
                $"--tool-choice is '{choice.ToolName}'; it must be auto, none, required or the name of one of the tools"
            );
    }
}
