using System.CommandLine;
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

    /// <summary>The options with what drafts take.</summary>
    public ModelOptions Model(ParseResult result, ModelOptions options)
    {
        int drafts = result.GetValue(_drafts);
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
    /// <exception cref="UsageException">The checkpoint has no predictor.</exception>
    public EngineOptions Engine(ParseResult result, DeepSeekModel model, int cacheTokens)
    {
        int drafts = result.GetValue(_drafts);
        return drafts == 0 || model.HasPredictor
            ? new EngineOptions { CacheTokens = cacheTokens, Drafts = drafts }
            : throw new UsageException(
                $"--drafts is {drafts}, but the checkpoint has no multi-token predictor; leave it out"
            );
    }
}
