using System.CommandLine;
using Hadal.Checkpoints;
using Hadal.Inference;
using Hadal.Model;

namespace Hadal.Cli.Arguments;

/// <summary>How many tokens are guessed ahead.</summary>
internal sealed class DraftArgument
{
    private readonly Option<int> _drafts = new("--drafts")
    {
        Description =
            "Tokens that the model's predictor guesses ahead, 0 to 3. They change the speed, never the output",
        HelpName = "count",
    };

    public DraftArgument(Command command)
    {
        _drafts.MustBeFrom(0, 3);
        command.Add(_drafts);
    }

    /// <summary>How many.</summary>
    public int Count(ParseResult result) => result.GetValue(_drafts);

    /// <summary>The options of a model with what drafts take.</summary>
    /// <exception cref="UsageException">The checkpoint has no predictor.</exception>
    public ModelOptions Model(ParseResult result, DeepSeekConfig config, ModelOptions options)
    {
        int drafts = Count(result);
        if (drafts > 0 && config.NumNextnPredictLayers == 0)
            throw new UsageException(
                $"--drafts is {drafts}, but the checkpoint has no multi-token predictor; leave it out"
            );
        return drafts == 0
            ? options
            : options with
            {
                LoadPredictor = true,
                MaxStepTokens = Math.Max(options.MaxStepTokens, 1 + drafts),
                MaxLogitRows = Math.Max(options.MaxLogitRows, 1 + drafts),
            };
    }

    /// <summary>The options of the engine of one text at a time.</summary>
    public EngineOptions Engine(ParseResult result, int cacheTokens) =>
        new() { CacheTokens = cacheTokens, Drafts = Count(result) };
}
