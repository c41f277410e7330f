using System.CommandLine;
using Hadal.Checkpoints;

namespace Hadal.Cli.Arguments;

/// <summary>Which checkpoint a command opens, and how much of it.</summary>
internal sealed class CheckpointArguments
{
    private readonly ModelArguments _model;
    private readonly Option<int?> _layers = new("--layers")
    {
        Description =
            "Opens only this many of the first layers; only the files that hold them need be there. The output makes no sense",
        HelpName = "count",
    };

    public CheckpointArguments(Command command)
    {
        _model = new ModelArguments(command);
        command.Add(_layers);
    }

    /// <summary>The folder.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public string Folder(ParseResult result) => _model.Folder(result);

    /// <summary>Opens the checkpoint.</summary>
    /// <exception cref="UsageException">There is no such folder, or it has not so many layers.</exception>
    /// <exception cref="CheckpointException">Something in it is missing, broken or not supported.</exception>
    public Checkpoint Open(ParseResult result, CancellationToken cancellationToken)
    {
        int? layers = result.GetValue(_layers);
        try
        {
            return Checkpoint.Open(
                Folder(result),
                new CheckpointOptions { Layers = layers },
                cancellationToken: cancellationToken
            );
        }
        catch (ArgumentOutOfRangeException e) when (layers is not null)
        {
            throw new UsageException($"--layers is {layers}: {e.Message.Split('(')[0].Trim()}");
        }
    }
}
