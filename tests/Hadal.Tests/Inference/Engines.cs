using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Engines of tests, and their texts.</summary>
internal static class Engines
{
    /// <summary>An engine without a thread: steps are made by <see cref="InferenceEngine.Step"/>.</summary>
    public static InferenceEngine Stepped(
        DeepSeekModel model,
        DeepSeekTokenizer tokenizer,
        int cacheTokens = 1024,
        EngineOptions? options = null
    ) =>
        new(
            model,
            tokenizer,
            (options ?? new EngineOptions()) with
            {
                CacheTokens = cacheTokens,
            },
            starts: false
        );

    /// <summary>Makes steps until there is nothing to do.</summary>
    public static void Finish(this InferenceEngine engine)
    {
        while (engine.Step()) { }
    }

    /// <summary>All tokens of a request.</summary>
    public static List<GeneratedToken> Tokens(this InferenceRequest request) =>
        [.. request.Read(TestContext.Current.CancellationToken)];

    public static string Text(this IEnumerable<GeneratedToken> tokens) =>
        string.Concat(tokens.Select(token => token.Text));

    public static int[] Ids(this IEnumerable<GeneratedToken> tokens) =>
        [.. tokens.Select(token => token.Id)];

    /// <summary>The text of a request alone.</summary>
    public static string Text(
        this InferenceEngine engine,
        ReadOnlySpan<int> prompt,
        GenerationOptions options
    ) => engine.Submit(prompt, options).Tokens().Text();

    /// <summary>So many tokens, whatever they are.</summary>
    public static GenerationOptions Limit(int tokens) =>
        new()
        {
            StopAtEos = false,
            Stop = new StopConditions { MaxTokens = tokens },
        };

    /// <summary>Whether no request has a page.</summary>
    public static void MustBeUnused(this InferenceEngine engine) =>
        Assert.Equal(0, engine.Cache.Statistics.ReferencedPages);
}
