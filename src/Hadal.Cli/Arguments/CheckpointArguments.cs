using System.CommandLine;
using Hadal.Checkpoints;

namespace Hadal.Cli.Arguments;

/// <summary>Which checkpoint a command opens, and how much of it.</summary>
internal sealed class CheckpointArguments
{
    private const string InMemory = "memory";

    private readonly ModelArguments _model;
    private readonly Option<int?> _layers = new("--layers")
    {
        Description =
            "Opens only this many of the first layers; only the files that hold them need be there. The output makes no sense",
        HelpName = "count",
    };

    private readonly Option<string> _mapping = new("--mapping")
    {
        Description =
            "mapped: weights come from the disk as they are used, and nobody may cut the files meanwhile; memory: the files are read as a whole first",
        HelpName = "form",
        DefaultValueFactory = _ => "mapped",
    };

    /// <param name="command">The command.</param>
    /// <param name="runs">Whether it reads the weights, or only their headers.</param>
    public CheckpointArguments(Command command, bool runs = true)
    {
        _model = new ModelArguments(command);
        _layers.MustBeFrom(1, int.MaxValue);
        _mapping.MustBeOneOf("mapped", InMemory);
        command.Add(_layers);
        if (runs)
            command.Add(_mapping);
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
                new CheckpointOptions
                {
                    Layers = layers,
                    Mapping =
                        result.GetValue(_mapping) == InMemory
                            ? WeightMapping.InMemory
                            : WeightMapping.Mapped,
                },
                cancellationToken: cancellationToken
            );
        }
        catch (ArgumentOutOfRangeException e) when (layers is not null)
        {
            throw new UsageException($"--layers is {layers}: {e.Message.Split('(')[0].Trim()}");
        }
    }
}
