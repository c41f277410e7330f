using System.CommandLine;
using Hadal.Cli.Arguments;
using Hadal.Cli.Hub;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal pull</c>: brings a checkpoint from a Hugging Face hub.</summary>
internal sealed class PullCommand : Command
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _repository = new("repository")
    {
        Description = "ORG/REPO, or ORG/REPO@REVISION for another branch, tag or commit than main",
    };
    private readonly Argument<string?> _folder = new("folder")
    {
        Description =
            "The folder to write to; without it, the cache that Hugging Face's tools share. Files there that the "
            + "repository has otherwise are replaced",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string[]> _include = new("--include")
    {
        Description =
            "Takes the files whose path is like this, instead of those that a model needs: * stands for any text, "
            + "? for a character; may be given again",
        HelpName = "glob",
    };
    private readonly Option<int> _connections = new("--connections")
    {
        Description = "Files that are fetched at the same time",
        HelpName = "count",
        DefaultValueFactory = _ => 4,
    };
    private readonly Option<bool> _dryRun = new("--dry-run")
    {
        Description = "Shows the licence and what there is to fetch, and fetches nothing",
    };

    public PullCommand(Terminal terminal)
        : base(
            "pull",
            "Brings a checkpoint from a Hugging Face hub, and writes the path of its folder. HF_ENDPOINT, HF_TOKEN, "
                + "HF_HUB_CACHE and HF_HOME are read; what is broken off goes on where it was"
        )
    {
        _terminal = terminal;
        _connections.MustBeFrom(1, 64);
        Add(_repository);
        Add(_folder);
        Add(_include);
        Add(_connections);
        Add(_dryRun);
        SetAction(RunAsync);
    }

    private Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string? folder = result.GetValue(_folder);
        if (folder is "")
            throw new UsageException("<folder> is empty; it must be the folder to write to");
        if (File.Exists(folder))
            throw new UsageException($"<folder>: {folder} is a file");
        var request = new PullRequest
        {
            Repository = RepositoryName.Parse(result.GetValue(_repository)!),
            Folder = folder,
            Choice = new FileChoice(result.GetValue(_include) ?? []),
            Connections = result.GetValue(_connections),
            IsDry = result.GetValue(_dryRun),
        };
        HubSettings settings = HubSettings.FromEnvironment(Environment.GetEnvironmentVariable);
        return new Puller(settings, _terminal).RunAsync(request, cancellationToken);
    }
}
