using System.CommandLine;
using System.Globalization;
using Hadal.Checkpoints;
using Hadal.Inference;
using Hadal.Model;

namespace Hadal.Cli.Arguments;

/// <summary>How many tokens are guessed ahead.</summary>
internal sealed class DraftArgument
{
    private const string Auto = "auto";

    private readonly Option<string> _drafts = new("--drafts")
    {
        Description =
            "Tokens that the model's predictor guesses ahead, 0 to 3, or auto: as it pays. They change the speed, never the output",
        HelpName = "count",
        DefaultValueFactory = _ => "0",
    };

    public DraftArgument(Command command)
    {
        _drafts.MustBeOneOf("0", "1", "2", "3", Auto);
        command.Add(_drafts);
    }

    /// <summary>How many; null for as it pays.</summary>
    public int? Count(ParseResult result) =>
        result.GetValue(_drafts) is { } count && count != Auto
            ? int.Parse(count, CultureInfo.InvariantCulture)
            : null;

    /// <summary>How many at the most.</summary>
    public int Most(ParseResult result) => Count(result) ?? EngineOptions.MostDrafts;

    /// <summary>The options of a model with what drafts take.</summary>
    /// <exception cref="UsageException">The checkpoint has no predictor.</exception>
    public ModelOptions Model(ParseResult result, DeepSeekConfig config, ModelOptions options)
    {
        int drafts = Most(result);
        if (drafts > 0 && config.NumNextnPredictLayers == 0)
            throw new UsageException(
                $"--drafts is {result.GetValue(_drafts)}, but the checkpoint has no multi-token predictor; leave it out"
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
