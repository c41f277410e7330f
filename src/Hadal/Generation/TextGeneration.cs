using System.Diagnostics;
using CommunityToolkit.HighPerformance;
using CommunityToolkit.HighPerformance.Buffers;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Generation;

/// <summary>
/// A text being generated, token by token: begun by <see cref="TokenGenerator.Start"/>. Allocates nothing per token in
/// steady state. Not thread-safe, but several may be driven by several threads.
/// </summary>
public sealed class TextGeneration : IDisposable
{
    private readonly TokenGenerator _generator;
    private readonly GenerationOptions _options;
    private readonly int[] _tokens; // The prompt, then those generated.
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
        // The last token needs no place in the cache.
        long room = Math.Max(generator.Cache.TokenCapacity - prompt.Length, 0) + 1;
        _tokens = new int[prompt.Length + Math.Min(room, stop.MaxTokens ?? room)];
        prompt.CopyTo(_tokens);
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

    /// <summary>The seed of the draws.</summary>
    public ulong Seed => _sampler.Seed;

    /// <summary>What it took so far.</summary>
    public GenerationUsage Usage =>
        new(_promptLength, _cachedTokens, _stop.TokenCount, _prefillTime, _decodeTime);

    /// <summary>Its place in the cache.</summary>
    /// <exception cref="ObjectDisposedException">Another text has taken it over.</exception>
    internal CachedSequence Sequence =>
        _sequence
        ?? throw new ObjectDisposedException(
            nameof(TextGeneration),
            "another text has taken over its place in the cache"
        );

    /// <summary>The tokens that the next step is to take: what is left of the prompt, or the last token.</summary>
    internal ReadOnlySpan<int> Pending =>
        _tokens.AsSpan(Sequence.Length..(_promptLength + _stop.TokenCount));

    /// <summary>Whether the step under way gives logits for its last token.</summary>
    internal bool HasLogits { get; set; }

    /// <summary>The most tokens of the prompt in one step.</summary>
    internal int Chunk => _chunk;

    /// <summary>Makes the next token; the first call works through the prompt.</summary>
    /// <param name="cancellationToken">
    /// Looked at between layers. After a cancelled call, or one that failed, the next goes on where it was.
    /// </param>
    /// <returns>False when the text had ended before.</returns>
    /// <exception cref="CacheFullException">The cache is full; dispose another text, and go on.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public bool MoveNext(CancellationToken cancellationToken = default)
    {
        _text.Clear();
        if (FinishReason is not null)
            return false;
        // The logits are the model's until its next step.
        lock (_generator.Model.Gate)
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                while (Pending.Length > _chunk)
                    Run(Pending[.._chunk], LogitRows.None, cancellationToken);
                Accept(Run(Pending, LogitRows.Last, cancellationToken).GetRowSpan(0));
            }
            finally
            {
                AddTime(Stopwatch.GetElapsedTime(start));
            }
        }
        return true;
    }

    /// <summary>Ends the text early: what was held back for a stop string becomes <see cref="Text"/>.</summary>
    public void Cancel()
    {
        _text.Clear();
        if (FinishReason is null)
            Complete();
    }

    /// <summary>Gives its place in the cache back.</summary>
    public void Dispose()
    {
        lock (_generator.Model.Gate)
            _sequence?.Dispose();
        _decoded.Dispose();
        _text.Dispose();
    }

    // Its place in the cache with what that holds of `prompt`'s beginning; the text can't go on.
    private CachedSequence HandOver(ReadOnlySpan<int> prompt)
    {
        CachedSequence sequence = Sequence;
        sequence.Truncate(prompt.CommonPrefixLength(_tokens.AsSpan(0, sequence.Length)));
        _sequence = null;
        return sequence;
    }

    private ReadOnlySpan2D<float> Run(
        scoped ReadOnlySpan<int> tokens,
        LogitRows rows,
        CancellationToken cancellationToken
    )
    {
        StepBatch batch = _generator.Batch;
        batch.Clear();
        batch.Add(Sequence, tokens, rows);
        return _generator.Model.Forward(batch, cancellationToken);
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
        Token = _sampler.Sample(logits);
        _tokens[_promptLength + _stop.TokenCount] = Token;
        Append(Token);
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
