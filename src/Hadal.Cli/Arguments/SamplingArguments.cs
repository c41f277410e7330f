using System.CommandLine;
using Hadal.Generation;

namespace Hadal.Cli.Arguments;

/// <summary>How tokens are chosen and when the text ends.</summary>
internal sealed class SamplingArguments
{
    private readonly Option<float?> _temperature = new("--temperature")
    {
        Description = "Divides the logits; 0 always takes the most probable token",
        HelpName = "number",
    };
    private readonly Option<int?> _topK = new("--top-k")
    {
        Description = "Keeps this many of the most probable tokens; 0 keeps all",
        HelpName = "count",
    };
    private readonly Option<float?> _topP = new("--top-p")
    {
        Description = "Keeps the most probable tokens that have this much of the probability",
        HelpName = "part",
    };
    private readonly Option<float?> _minP = new("--min-p")
    {
        Description = "Keeps tokens at least this probable relative to the most probable one",
        HelpName = "part",
    };
    private readonly Option<float?> _penalty = new("--repetition-penalty")
    {
        Description = "Makes tokens seen before less probable; 1 changes nothing",
        HelpName = "number",
    };
    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "Makes the draws reproducible; without it, one by chance, which is told",
        HelpName = "number",
    };
    private readonly Option<string[]> _stop = new("--stop")
    {
        Description = "A text that ends the output; may be given several times",
        HelpName = "text",
        DefaultValueFactory = _ => [],
    };
    private readonly Option<bool> _ignoreEos = new("--ignore-eos")
    {
        Description = "Goes on after the token that ends a text",
    };
    private readonly Option<int> _maxTokens = new("--max-tokens", "-n")
    {
        Description = "The most tokens to write",
        HelpName = "count",
        DefaultValueFactory = _ => 256,
    };

    public SamplingArguments(Command command)
    {
        _temperature.MustSuit(value => _ = new SamplingOptions { Temperature = value });
        _topK.MustBeFrom(0, int.MaxValue);
        _topP.MustSuit(value => _ = new SamplingOptions { TopP = value });
        _minP.MustSuit(value => _ = new SamplingOptions { MinP = value });
        _penalty.MustSuit(value => _ = new SamplingOptions { RepetitionPenalty = value });
        _stop.Validators.Add(static result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
                result.AddError("--stop is empty; it must have a character");
        });
        _seed.MustBeFrom(ulong.MinValue, ulong.MaxValue);
        _maxTokens.MustBeFrom(1, int.MaxValue);
        Option[] options =
        [
            _maxTokens,
            _temperature,
            _topK,
            _topP,
            _minP,
            _penalty,
            _seed,
            _stop,
            _ignoreEos,
        ];
        foreach (Option option in options)
            command.Add(option);
    }

    public int MaxTokens(ParseResult result) => result.GetValue(_maxTokens);

    /// <param name="result">The command line.</param>
    /// <param name="defaults">What holds where it says nothing: the checkpoint's own recommendation.</param>
    /// <exception cref="Checkpoints.CheckpointException">A recommendation that is needed is broken.</exception>
    public GenerationOptions Read(ParseResult result, GenerationConfig defaults) =>
        new()
        {
            Sampling = new SamplingOptions
            {
                Temperature = result.GetValue(_temperature) ?? defaults.Temperature,
                TopK = result.GetValue(_topK) ?? defaults.TopK,
                TopP = result.GetValue(_topP) ?? defaults.TopP,
                MinP = result.GetValue(_minP) ?? defaults.MinP,
                RepetitionPenalty = result.GetValue(_penalty) ?? defaults.RepetitionPenalty,
                Seed = result.GetValue(_seed),
            },
            Stop = new StopConditions
            {
                Strings = result.GetValue(_stop)!,
                MaxTokens = result.GetValue(_maxTokens),
            },
            StopAtEos = !result.GetValue(_ignoreEos),
        };
}
