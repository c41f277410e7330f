using Hadal.Generation;
using Hadal.Grammars;

namespace Hadal.Tests.Inference;

/// <summary>A request of a random schedule.</summary>
/// <param name="Arrival">The step before which it comes.</param>
/// <param name="Base">Which of a few prompts it begins like.</param>
/// <param name="Length">Tokens of its prompt.</param>
/// <param name="Tail">How many of them are its own.</param>
/// <param name="MaxTokens">The most tokens of each text.</param>
/// <param name="Choices">Texts.</param>
/// <param name="Kind">Which of the options below it has.</param>
/// <param name="End">0 to 9: in that many steps it is given up; 10 to 19: it is cancelled ten less; else neither.</param>
/// <param name="Priority">Its priority.</param>
internal sealed record PlannedRequest(
    int Arrival,
    int Base,
    int Length,
    int Tail,
    int MaxTokens,
    int Choices,
    int Kind,
    int End,
    int Priority
)
{
    public const int Kinds = 7;
    private const int Vocabulary = 320;

    private static readonly Grammar s_words = Grammar.FromRegex("([a-z]{1,3}[ ,]){2,}");

    public bool IsGivenUp => End < 10;

    public bool IsCancelled => End is >= 10 and < 20;

    /// <summary>Tokens of all its texts.</summary>
    public int AllTokens => Choices * (Length + MaxTokens);

    public int[] Prompt =>
        [
            .. Enumerable
                .Range(0, Length)
                .Select(i => Token(i < Length - Tail ? Base : 100 + Tail, i)),
        ];

    public GenerationOptions Options
    {
        get
        {
            var stop = new StopConditions { MaxTokens = MaxTokens };
            GenerationOptions options = new()
            {
                StopAtEos = false,
                Choices = Choices,
                Priority = Priority,
                Stop = stop,
                Sampling = new SamplingOptions
                {
                    Temperature = 0.9f,
                    Seed = (ulong)(Length + Base),
                },
            };
            return Kind switch
            {
                0 => options with { Sampling = new(), LogProbs = 2 },
                1 => options with
                {
                    LogProbs = 0,
                    Sampling = options.Sampling with
                    {
                        FrequencyPenalty = 1,
                        PresencePenalty = -0.5f,
                        TopK = 50,
                    },
                },
                2 => options with
                {
                    PrefillChunk = 7,
                    LogProbs = 1,
                    Stop = stop with
                    {
                        MinTokens = MaxTokens / 2,
                        Tokens = [.. Enumerable.Range(0, 100)],
                    },
                    Sampling = options.Sampling with
                    {
                        RepetitionPenalty = 1.2f,
                        LogitBias = new Dictionary<int, float> { [5] = 3, [300] = -50 },
                    },
                },
                3 => options with { PromptLogProbs = 1, LogProbs = 1 },
                4 => options with
                {
                    LogProbs = 20,
                    Stop = stop with { Strings = ["a", "b~"] },
                    Sampling = options.Sampling with { TopP = 0.9f, MinP = 0.001f },
                },
                5 => options with { LogProbs = 0, Grammar = s_words },
                _ => options,
            };
        }
    }

    private static int Token(int stream, int i) =>
        (int)(new SplitMix64((ulong)(stream * 10_000 + i)).Next() % Vocabulary);
}
