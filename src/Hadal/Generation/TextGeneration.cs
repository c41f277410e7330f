using System.Diagnostics;
using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance.Buffers;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Generation;

/// <summary>
/// A text being generated, token by token: begun by <see cref="TokenGenerator.Start"/>. Allocates nothing per token in
/// steady state, but for <see cref="MoveNextAsync"/> and while steps of others are waited for. One thread at a time may use
/// it; several texts may be driven by several threads, and their steps take turns.
/// </summary>
public sealed class TextGeneration : IDisposable
{
    // A text of so many tokens never grows.
    private const int ShortText = 256;

    private readonly TokenGenerator _generator;
    private readonly GenerationOptions _options;
    private readonly List<int> _tokens; // The prompt, then those generated.
    private readonly int _promptLength;
    private readonly int _cachedTokens;
    private readonly int _chunk;
    private CachedSequence? _sequence;
    private readonly Sampler _sampler;
    private readonly StopMatcher _stop;
    private readonly Utf8StreamDecoder _decoder = new();
    private readonly ArrayPoolBufferWriter<char> _decoded = new();
    private readonly ArrayPoolBufferWriter<char> _text = new();
    private bool _isDecoding;
    private TimeSpan _prefillTime;
    private TimeSpan _decodeTime;

    internal TextGeneration(
        TokenGenerator generator,
        ReadOnlySpan<int> prompt,
        GenerationOptions options,
        StopConditions stop,
        TextGeneration? after
    )
    {
        _generator = generator;
        _options = options;
        _chunk = options.PrefillChunk ?? generator.Model.Options.MaxStepTokens;
        _sampler = new Sampler(options.Sampling, generator.Model.Config.VocabSize);
        _sampler.Observe(prompt);
        _stop = new StopMatcher(stop);
        _tokens = new List<int>(prompt.Length + Math.Min(stop.MaxTokens ?? ShortText, ShortText));
        _tokens.AddRange(prompt);
        _promptLength = prompt.Length;
        _sequence = after?.HandOver(prompt[..^1]) ?? generator.Cache.CreateSequence();
        _cachedTokens = _sequence.Length;
    }

    /// <summary>The token that the last <see cref="MoveNext"/> made.</summary>
    public int Token { get; private set; }

    /// <summary>The text that became certain with it; valid until the next call.</summary>
    public ReadOnlySpan<char> Text => _text.WrittenSpan;

    /// <summary>Why the text ended; null while it goes on.</summary>
    public FinishReason? FinishReason => _stop.FinishReason;

    /// <summary>
    /// Why a <see cref="Scheduler"/> let go of the text: what its sampler or its step threw, or that it was disposed or taken
    /// over; null if it did not.
    /// </summary>
    public Exception? Error { get; internal set; }

    /// <summary>The seed of the draws.</summary>
    public ulong Seed => _sampler.Seed;

    /// <summary>What it took so far.</summary>
    public GenerationUsage Usage =>
        new(_promptLength, _cachedTokens, _stop.TokenCount, _prefillTime, _decodeTime);

    /// <summary>Its place in the cache.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed, or another text has taken its place over.</exception>
    internal CachedSequence Sequence
    {
        get
        {
            if (_sequence is null)
                throw new ObjectDisposedException(
                    nameof(TextGeneration),
                    "another text has taken over its place in the cache"
                );
            _sequence.ThrowIfDisposed();
            return _sequence;
        }
    }

    /// <summary>The tokens that the next step is to take: what is left of the prompt, or the last token.</summary>
    internal ReadOnlySpan<int> Pending => CollectionsMarshal.AsSpan(_tokens)[Sequence.Length..];

    /// <summary>What <see cref="Pending"/> is.</summary>
    internal RowKind Kind => Sequence.Length < _promptLength ? RowKind.Prefill : RowKind.Decode;

    /// <summary>Whether the step under way gives logits for its last token.</summary>
    internal bool HasLogits { get; set; }

    /// <summary>The most tokens of the prompt in one step.</summary>
    internal int Chunk => _chunk;

    /// <summary>
    /// Makes the next token on the caller's thread; the first call works through the prompt. Other texts' steps come between
    /// its own, and between the chunks of its prompt.
    /// </summary>
    /// <param name="cancellationToken">
    /// Looked at while other steps are waited for, and between layers. After a cancelled call, or one that failed, the next
    /// goes on where it was.
    /// </param>
    /// <returns>False when the text had ended before.</returns>
    /// <exception cref="CacheFullException">The cache is full; dispose another text, and go on.</exception>
    /// <exception cref="HadalException">The step failed, or gave logits that are not usable.</exception>
    /// <exception cref="ObjectDisposedException">The text, its generator or the model was disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public bool MoveNext(CancellationToken cancellationToken = default)
    {
        _text.Clear();
        if (FinishReason is not null)
            return false;
        do _generator.Gate.Enter(cancellationToken);
        while (!StepAndExit(cancellationToken));
        return true;
    }

    /// <summary>
    /// <see cref="MoveNext"/> on the thread pool; no thread is taken while other steps are waited for. Nothing is waited for
    /// or computed before it returns to its caller.
    /// </summary>
    /// <param name="cancellationToken">As for <see cref="MoveNext"/>.</param>
    /// <returns>False when the text had ended before.</returns>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken = default)
    {
        _text.Clear();
        if (FinishReason is not null)
            return false;
        // A step computes; the caller's thread may be a user interface's.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        do await _generator.Gate.EnterAsync(cancellationToken).ConfigureAwait(false);
        while (!StepAndExit(cancellationToken));
        return true;
    }

    /// <summary>Ends the text early: what was held back for a stop string becomes <see cref="Text"/>.</summary>
    public void Cancel()
    {
        _text.Clear();
        if (FinishReason is null)
            Complete();
    }

    /// <summary>Gives its place in the cache back, without waiting for a step.</summary>
    public void Dispose()
    {
        _sequence?.Dispose();
        _decoded.Dispose();
        _text.Dispose();
    }

    // Its place in the cache with what that holds of `prompt`'s beginning; the text can't go on.
    private CachedSequence HandOver(ReadOnlySpan<int> prompt)
    {
        CachedSequence sequence = Sequence;
        ReadOnlySpan<int> cached = CollectionsMarshal.AsSpan(_tokens)[..sequence.Length];
        sequence.Truncate(prompt.CommonPrefixLength(cached));
        _sequence = null;
        return sequence;
    }

    /// <summary>Makes a step, for which the gate was entered, and leaves the gate: true if that was the step of a token.</summary>
    private bool StepAndExit(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            ReadOnlySpan<int> tokens = Pending;
            bool isLast = tokens.Length <= _chunk;
            StepBatch batch = _generator.Batch;
            batch.Clear();
            batch.Add(
                Sequence,
                isLast ? tokens : tokens[.._chunk],
                Kind,
                isLast ? LogitRows.Last : LogitRows.None
            );
            Logits logits = _generator.Model.Forward(batch, cancellationToken);
            // The logits are the batch's, whose next step may come at once.
            if (isLast)
                Accept(logits[0]);
            return isLast;
        }
        finally
        {
            AddTime(Stopwatch.GetElapsedTime(start));
            _generator.Gate.Exit();
        }
    }

    /// <summary>Takes the time of a step as the first token's or a later one's.</summary>
    internal void AddTime(TimeSpan time)
    {
        if (_isDecoding)
            _decodeTime += time;
        else
            _prefillTime += time;
        _isDecoding = _stop.TokenCount > 0;
    }

    /// <summary>Draws the next token.</summary>
    /// <param name="logits">Those after <see cref="Pending"/>.</param>
    internal void Accept(ReadOnlySpan<float> logits)
    {
        _text.Clear();
        try
        {
            Token = _sampler.Sample(logits);
            Append(Token);
        }
        catch
        {
            // Who goes on wants these logits again.
            Sequence.Truncate(_tokens.Count - 1);
            throw;
        }
        _tokens.Add(Token);
    }

    private void Append(int token)
    {
        DeepSeekTokenizer tokenizer = _generator.Tokenizer;
        _decoded.Clear();
        if (!_options.SkipSpecialTokens || !tokenizer.IsSpecial(token))
            _decoder.Append(tokenizer.GetBytes(token), _decoded);
        if (_stop.Push(token, _decoded.WrittenSpan, _text) is not null)
            Complete();
    }

    private void Complete()
    {
        _decoded.Clear();
        _decoder.Flush(_decoded);
        _stop.Complete(_decoded.WrittenSpan, _text);
    }
}
