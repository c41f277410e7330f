using System.Text.Json;

namespace Hadal.Cli.Chatting;

/// <summary>The lines that change the conversation's settings instead of being said.</summary>
/// <param name="terminal">Where help is shown.</param>
/// <param name="session">The conversation.</param>
internal sealed class SlashCommands(Terminal terminal, ChatSession session)
{
    private const string Off = "off";

    private const string Help = """
        /think on|off   whether the model thinks before it answers
        /tools FILE     functions that it may call; /tools off: none
        /schema FILE    answers are JSON that satisfies this JSON schema; /schema off: any text
        /clear          forgets the conversation
        /help           shows this
        /exit           ends it, as an empty line does
        //text          says /text
        """;

    /// <summary>Whether a line is one of them.</summary>
    public static bool Is(string line) => line is ['/', not '/', ..] or "/";

    /// <summary>What a line that is none says.</summary>
    public static string Said(string line) =>
        line.StartsWith("//", StringComparison.Ordinal) ? line[1..] : line;

    /// <summary>Does what a line asks for.</summary>
    /// <returns>Whether the conversation goes on.</returns>
    /// <exception cref="HadalException">It can't be done.</exception>
    public bool Run(string line)
    {
        string[] words = line.Trim().Split((char[]?)null, 2, StringSplitOptions.TrimEntries);
        string command = words[0];
        string argument = words.Length > 1 ? words[1] : "";
        switch (command)
        {
            case "/think":
                Set(
                    session.Settings with
                    {
                        Thinking = argument switch
                        {
                            "on" => true,
                            Off => false,
                            _ => throw new HadalException(
                                $"{command} is '{argument}'; it must be on or off"
                            ),
                        },
                    }
                );
                return true;
            case "/tools":
                IReadOnlyList<ChatTool> tools =
                    argument == Off ? [] : ReadFile(command, argument, ToolsFile.Read);
                Set(session.Settings with { Tools = tools });
                return true;
            case "/schema":
                JsonElement? schema =
                    argument == Off ? null : ReadFile(command, argument, JsonFile.Read);
                Set(session.Settings with { Schema = schema });
                return true;
        }
        if (argument.Length > 0 && command is "/clear" or "/help" or "/exit")
            throw new HadalException($"{command} takes nothing, but is followed by '{argument}'");
        switch (command)
        {
            case "/clear":
                session.Clear();
                return true;
            case "/help":
                terminal.Error.WriteLine(Help);
                return true;
            case "/exit":
                return false;
            default:
                throw new HadalException(
                    $"there is no command {command}; /help tells them all, and a text that begins with / is said with // in its place"
                );
        }
    }

    private void Set(ChatSettings settings)
    {
        settings.Check(session.Template);
        session.Settings = settings;
    }

    private static T ReadFile<T>(string command, string path, Func<FileInfo, string, T> read)
    {
        if (path.Length == 0)
            throw new HadalException($"{command} needs a file, or {Off}");
        try
        {
            return read(new FileInfo(path), command);
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HadalException($"{command}: {e.Message}", e);
        }
    }
}
