using System.CommandLine;
using Hadal.Cli.Arguments;
using Hadal.Load.Plans;

namespace Hadal.Load.Commands;

/// <summary>What requests are like.</summary>
internal sealed class PlanArguments
{
    private readonly Option<bool> _chat = new("--chat")
    {
        Description = "Sends chats to /v1/chat/completions; without it, ids to /v1/completions",
    };
    private readonly Option<int> _prompt = new("--prompt-tokens")
    {
        Description = "Tokens of a prompt; in a chat, words",
        HelpName = "count",
        DefaultValueFactory = _ => 64,
    };
    private readonly Option<int> _shared = new("--shared")
    {
        Description = "Those of them that all prompts begin with",
        HelpName = "count",
    };
    private readonly Option<int> _vocabulary = new("--vocabulary")
    {
        Description = "Prompts have the ids from 3 to below this",
        HelpName = "count",
        DefaultValueFactory = _ => 1000,
    };
    private readonly Option<int> _generate = new("--generate")
    {
        Description = "Tokens generated for a request",
        HelpName = "count",
        DefaultValueFactory = _ => 32,
    };
    private readonly Option<double> _temperature = new("--temperature")
    {
        Description = "0 takes the most probable token; each request has a seed of its own",
        HelpName = "number",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "The same seed sends the same requests",
        HelpName = "number",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<bool> _new = new("--new-connections")
    {
        Description =
            "Opens a connection for each request, for servers that close those that were used without saying so",
    };

    public PlanArguments(Command command)
    {
        _prompt.MustBeFrom(1, 1 << 24);
        _shared.MustBeFrom(0, 1 << 24);
        _vocabulary.MustBeFrom(4, 1 << 24);
        _generate.MustBeFrom(1, 1 << 24);
        _seed.MustBeFrom(ulong.MinValue, ulong.MaxValue);
        foreach (
            Option option in (Option[])
                [_chat, _prompt, _shared, _vocabulary, _generate, _temperature, _seed, _new]
        )
            command.Add(option);
    }

    /// <summary>Tokens of a prompt.</summary>
    public int PromptTokens(ParseResult result) => result.GetValue(_prompt);

    /// <summary>Tokens generated for a request.</summary>
    public int GeneratedTokens(ParseResult result) => result.GetValue(_generate);

    /// <summary>A plan for a server that nobody leaves.</summary>
    public LoadPlan Plan(ParseResult result, Uri server, int connections) =>
        new()
        {
            Server = server,
            Connections = connections,
            ReusesConnections = !result.GetValue(_new),
            IsChat = result.GetValue(_chat),
            PromptTokens = result.GetValue(_prompt),
            SharedTokens = result.GetValue(_shared),
            Vocabulary = result.GetValue(_vocabulary),
            MaxTokens = result.GetValue(_generate),
            Temperature = result.GetValue(_temperature),
            Seed = result.GetValue(_seed),
        };
}
