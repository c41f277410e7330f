using System.Collections.Immutable;
using System.Diagnostics;
using Hadal.Generation;
using Hadal.Grammars;

namespace Hadal.Inference;

/// <summary>
/// A request to an <see cref="InferenceEngine"/>, and the stream of its tokens, which one reader reads once. The engine works
/// on it whether it is read or not, and never waits for the reader. Thread-safe, but for the reader.
/// </summary>
public sealed class InferenceRequest : IAsyncEnumerable<GeneratedToken>
{
    private readonly InferenceEngine _engine;
    private readonly TextChoice[] _choices;
    private readonly List<TokenLogProbs?> _promptLogProbs = [];
    private int _unfinished;
    private int _isRead;
    private volatile bool _isAborted;
    private Exception? _error;
    private volatile bool _isCancelled;

    internal InferenceRequest(
        InferenceEngine engine,
        ReadOnlySpan<int> prompt,
        GenerationOptions options,
        StopConditions stop,
        SamplerScratch scratch
    )
    {
        _engine = engine;
        Options = options;
        PromptLength = prompt.Length;
        Seed = options.Sampling.Seed ?? Sampler.NewSeed();
        _choices = new TextChoice[options.Choices];
        _unfinished = options.Choices;
        for (int i = 0; i < _choices.Length; i++)
        {
            SamplingOptions sampling = options.Sampling with { Seed = SeedOf(i) };
            var sampler = new Sampler(sampling, engine.Model.Config.VocabSize, scratch);
            GrammarMatcher? matcher = options.Grammar is { } grammar
                ? new GrammarMatcher(grammar, GrammarVocabulary.Of(engine.Tokenizer))
                : null;
            _choices[i] = new TextChoice(this, i, prompt, stop, sampler, matcher);
        }
        if (options.PromptLogProbs is not null)
            _promptLogProbs.Add(null);
        Times = new RequestTimes(engine.Options.TimeProvider);
    }

    /// <summary>The seed of the draws: that of the options, or the one taken by chance. Choice i draws from it and i.</summary>
    public ulong Seed { get; }

    /// <summary>What it took so far.</summary>
    public GenerationUsage Usage =>
        new(
            PromptLength,
            CachedTokens,
            _choices.Sum(choice => choice.Stop.TokenCount),
            Times.Queue,
            Times.Prefill,
            Times.Decode
        )
        {
            DraftedByPlace = ByPlace(choice => choice.Drafts.Verified),
            AcceptedByPlace = ByPlace(choice => choice.Drafts.Accepted),
            Steps = _choices.Sum(choice => choice.Drafts.Steps),
        };

    /// <summary>Why each choice ended; null while it goes on.</summary>
    public IReadOnlyList<FinishReason?> FinishReasons =>
        [.. _choices.Select(choice => choice.Stop.FinishReason)];

    /// <summary>
    /// With <see cref="GenerationOptions.PromptLogProbs"/> those of the prompt's tokens so far: all of them once a token was
    /// read. The first is null, as nothing foretells it.
    /// </summary>
    public IReadOnlyList<TokenLogProbs?> PromptLogProbs
    {
        get
        {
            lock (_promptLogProbs)
                return [.. _promptLogProbs];
        }
    }

    internal GenerationOptions Options { get; }

    internal int PromptLength { get; }

    internal int CachedTokens { get; set; }

    /// <summary>The most tokens of its prompt in one step.</summary>
    internal int Chunk => Options.PrefillChunk ?? _engine.Model.Options.MaxStepTokens;

    internal ReadOnlySpan<TextChoice> Choices => _choices;

    /// <summary>Its number in the order of submission.</summary>
    internal long Number { get; set; }

    /// <summary>What orders those that wait, ascending: when it came, in units of ageing, less its priority.</summary>
    internal double Rank { get; set; }

    internal RequestTimes Times { get; }

    internal TokenStream Stream { get; } = new();

    /// <summary>What listeners follow it by; null where there are none.</summary>
    internal Activity? Activity { get; set; }

    /// <summary>What ended it before its texts did.</summary>
    internal Exception? Error => Volatile.Read(ref _error);

    /// <summary>Whether the step under way has tokens of it. The queue's lock guards it.</summary>
    internal bool IsInStep { get; set; }

    /// <summary>Whether nobody wants more of it, or it can't go on.</summary>
    internal bool IsAborted => _isAborted;

    /// <summary>Reads its tokens, as they come, on the caller's thread.</summary>
    /// <param name="cancellationToken">Gives the request up; its pages are free within a step.</param>
    /// <exception cref="InvalidOperationException">It is or was read already.</exception>
    /// <exception cref="StepFailedException">The model failed at it.</exception>
    /// <exception cref="SamplingException">The model's logits are not usable.</exception>
    /// <exception cref="GrammarException">No token of the tokenizer goes on with the grammar.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IEnumerable<GeneratedToken> Read(CancellationToken cancellationToken = default)
    {
        using TokenReader reader = NewReader(cancellationToken);
        while (reader.MoveNext())
            yield return reader.Current;
    }

    /// <summary>Reads its tokens, as they come, and takes no thread meanwhile. What ends them early is as for <see cref="Read"/>.</summary>
    /// <param name="cancellationToken">Gives the request up; its pages are free within a step.</param>
    /// <exception cref="InvalidOperationException">It is or was read already.</exception>
    public IAsyncEnumerator<GeneratedToken> GetAsyncEnumerator(
        CancellationToken cancellationToken = default
    ) => NewReader(cancellationToken);

    /// <summary>
    /// Ends its texts with what they have, before the next step: what was held back for a stop string is handed out, with
    /// <see cref="FinishReason.Cancelled"/>.
    /// </summary>
    public void Cancel() => _isCancelled = true;

    /// <summary>Ends a choice as a stop string does, before the next step.</summary>
    internal void Stop(int choice) => _choices[choice].IsStopped = true;

    /// <summary>Whether its texts are to end before a step, and why.</summary>
    internal FinishReason? EndsEarly =>
        _isCancelled ? FinishReason.Cancelled
        : Options.TimeLimit is { } limit && Times.SinceSubmission >= limit ? FinishReason.Deadline
        : null;

    /// <summary>Gives it up where it has not ended: its reader gets the error at once, and its pages are free within a step.</summary>
    internal void Abort(Exception error)
    {
        if (Volatile.Read(ref _unfinished) == 0 || !Claim(error))
            return;
        Stream.Abort(error);
        _isAborted = true;
        _engine.Forget(this);
    }

    /// <summary>Ends it in the step loop: its reader gets the error after the tokens that there are.</summary>
    internal void Fail(Exception error)
    {
        if (!Claim(error))
            return;
        Stream.End(error);
        _isAborted = true;
        _engine.Forget(this);
    }

    /// <summary>Counts choices that have ended.</summary>
    /// <returns>Whether they were the last.</returns>
    internal bool Finish(int choices)
    {
        if (Interlocked.Add(ref _unfinished, -choices) != 0)
            return false;
        Stream.End(null);
        return true;
    }

    /// <summary>
    /// The first tokens for which no more logits are wanted: all, but for a prompt whose log-probabilities are; then those that
    /// have theirs.
    /// </summary>
    internal int ForetoldTokens
    {
        get
        {
            if (Options.PromptLogProbs is null)
                return int.MaxValue;
            lock (_promptLogProbs)
                return _promptLogProbs.Count < PromptLength ? _promptLogProbs.Count : int.MaxValue;
        }
    }

    /// <summary>Takes the log-probabilities of the first token that has none.</summary>
    internal void AddPromptLogProbs(TokenLogProbs? logProbs)
    {
        lock (_promptLogProbs)
            _promptLogProbs.Add(logProbs);
    }

    // The first error is the request's. Its stream has it before the step loop can end the texts.
    private bool Claim(Exception error) =>
        Interlocked.CompareExchange(ref _error, error, null) is null;

    private delegate ReadOnlySpan<int> Counts(TextChoice choice);

    private ImmutableArray<int> ByPlace(Counts counts)
    {
        var sums = new int[EngineOptions.MostDrafts];
        foreach (TextChoice choice in _choices)
        {
            ReadOnlySpan<int> own = counts(choice);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += own[i];
        }
        return [.. sums];
    }

    private TokenReader NewReader(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isRead, 1) != 0)
            throw new InvalidOperationException("The request is or was read already");
        return new TokenReader(this, cancellationToken);
    }

    private ulong SeedOf(int choice) =>
        choice == 0 ? Seed : new SplitMix64(Seed ^ new SplitMix64((ulong)choice).Next()).Next();
}
