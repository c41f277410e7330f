using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Hadal.Caching;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Inference;

/// <summary>
/// Generates texts with a model, any number at once: a thread of its own makes the steps, each with a token of every text being
/// written and a part of the prompts. A text has the bits that it would have alone. Thread-safe.
/// </summary>
public sealed partial class InferenceEngine : IDisposable
{
    private readonly int[] _eosTokens;
    private readonly RequestQueue _queue;
    private readonly StepLoop _loop;
    private readonly EngineTelemetry _telemetry;
    private readonly SamplerScratch _scratch;
    private readonly Lock _disposal = new();
    private Thread? _thread;
    private bool _isDisposed;

    /// <summary>An engine with a cache of its own.</summary>
    /// <param name="model">The model, which it does not own.</param>
    /// <param name="tokenizer">The checkpoint's tokenizer.</param>
    /// <param name="options">How it works; null for the defaults.</param>
    /// <exception cref="TokenizerException">The tokenizer has ids for which the model has no rows.</exception>
    /// <exception cref="Checkpoints.CheckpointException">
    /// The <c>generation_config.json</c> in the tokenizer's folder is broken, or its <c>eos_token_id</c> is.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The cache would take more than all memory of the device.</exception>
    /// <exception cref="ArgumentException">Drafts are wanted of a model without its predictor.</exception>
    /// <exception cref="HadalException">The device has not enough memory.</exception>
    public InferenceEngine(
        DeepSeekModel model,
        DeepSeekTokenizer tokenizer,
        EngineOptions? options = null
    )
        : this(model, tokenizer, options ?? new EngineOptions(), starts: true) { }

    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">How it works.</param>
    /// <param name="starts">Whether its thread starts; else <see cref="Step"/> makes the steps until <see cref="Start"/>.</param>
    internal InferenceEngine(
        DeepSeekModel model,
        DeepSeekTokenizer tokenizer,
        EngineOptions options,
        bool starts
    )
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        tokenizer.RequireFits(model.Config.VocabSize);
        if (options.Drafts != 0 && !model.HasPredictor)
            throw new ArgumentException(
                $"{nameof(EngineOptions.Drafts)} is {options.Drafts?.ToString(CultureInfo.InvariantCulture) ?? "null"}, but the model has no predictor; see {nameof(ModelOptions)}.{nameof(ModelOptions.LoadPredictor)}",
                nameof(options)
            );
        _eosTokens =
        [
            .. model.Config.EosTokenIds,
            .. tokenizer.Folder is { } folder ? GenerationConfig.Read(folder).EosTokenIds : [],
            tokenizer.EosId,
        ];
        Model = model;
        Tokenizer = tokenizer;
        Options = options;
        _queue = new RequestQueue(options);
        _scratch = new SamplerScratch(model.Config.VocabSize);
        Cache = model.CreateCache(options.CacheTokens, nameof(options));
        try
        {
            _telemetry = new EngineTelemetry(
                model.Config.ModelType,
                options.LoggerFactory,
                () => _queue.NewRequests,
                () => _loop?.Running ?? 0
            );
            _loop = new StepLoop(this, _queue, _telemetry);
        }
        catch
        {
            _telemetry?.Dispose();
            Cache.Dispose();
            throw;
        }
        if (starts)
            Start();
    }

    /// <summary>The model.</summary>
    public DeepSeekModel Model { get; }

    /// <summary>The tokenizer.</summary>
    public DeepSeekTokenizer Tokenizer { get; }

    /// <summary>How it works.</summary>
    public EngineOptions Options { get; }

    /// <summary>The cache, whose pages are the engine's alone.</summary>
    public PagedCache Cache { get; }

    /// <summary>The most tokens of a prompt and its text: the model's context, or the cache where that is smaller.</summary>
    public int MaxTokens => (int)Math.Min(Model.MaxContextTokens, Cache.TokenCapacity);

    /// <summary>What it measures; there is another of the same name for each engine.</summary>
    internal Meter Meter => _telemetry.Meter;

    internal StepBatch Batch => _loop.Batch;

    /// <summary>
    /// Submits a prompt, and waits for nothing. Its texts end where <see cref="MaxTokens"/> are full, if nothing ends them before.
    /// </summary>
    /// <param name="prompt">Token ids, at least one; a BOS is theirs to begin with.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <exception cref="ArgumentException">
    /// The prompt is empty, has an id that is not in the vocabulary, or options contradict each other or the model.
    /// </exception>
    /// <exception cref="ContextLengthException">The prompt is longer than the context.</exception>
    /// <exception cref="CacheTooSmallException">The prompt is longer than the cache.</exception>
    /// <exception cref="QueueFullException">As many requests wait as may.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public InferenceRequest Submit(ReadOnlySpan<int> prompt, GenerationOptions? options = null)
    {
        options ??= new GenerationOptions();
        StopConditions stop = Check(prompt, options);
        var request = new InferenceRequest(this, prompt, options, stop, _scratch);
        request.Activity = _telemetry.Begin(request);
        try
        {
            _queue.Add(request);
        }
        catch
        {
            request.Activity?.Dispose();
            throw;
        }
        return request;
    }

    /// <summary>
    /// Generates texts; the caller's thread computes nothing and waits for nothing. What <see cref="Submit"/> refuses is thrown
    /// where the first token is asked for. An enumeration that is disposed gives the request up.
    /// </summary>
    /// <param name="prompt">Token ids, at least one; a BOS is theirs to begin with.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="cancellationToken">Gives the request up; its pages are free within a step.</param>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        ReadOnlyMemory<int> prompt,
        GenerationOptions? options = null,
        CancellationToken cancellationToken = default
    ) => GenerateAsync(() => Submit(prompt.Span, options), cancellationToken);

    /// <summary>
    /// Generates texts from a prompt's text, to which BOS is added where the tokenizer says so. It is tokenized on the thread
    /// pool.
    /// </summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="cancellationToken">Gives the request up; its pages are free within a step.</param>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        string prompt,
        GenerationOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return GenerateAsync(
            () => Submit(Tokenizer.Encode(prompt, cancellationToken: cancellationToken), options),
            cancellationToken
        );
    }

    /// <summary>
    /// Breaks the step under way off, ends all requests with <see cref="ObjectDisposedException"/>, and gives the cache back.
    /// </summary>
    public void Dispose()
    {
        lock (_disposal)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
        }
        _loop.Stop();
        _queue.Close();
        if (_thread is null)
            End();
        else if (_thread != Thread.CurrentThread)
            _thread.Join();
    }

    /// <summary>Starts its thread, where it has none.</summary>
    internal void Start()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "Hadal engine" };
        _thread.Start();
    }

    /// <summary>Makes a step on the caller's thread, where the engine has none of its own.</summary>
    /// <returns>False where there was nothing to do.</returns>
    internal bool Step() => _loop.Step();

    /// <summary>Lets go of a request, on any thread.</summary>
    internal void Forget(InferenceRequest request) => _loop.Forget(request);

    private void Run()
    {
        try
        {
            _loop.Run();
        }
        catch (Exception e)
        {
            // Nobody may wait for ever, whatever went wrong here.
            _queue.Close();
            _loop.Abort(new StepFailedException(e));
        }
        End();
    }

    private void End()
    {
        _loop.Abort(new ObjectDisposedException(nameof(InferenceEngine)));
        _loop.Dispose();
        Cache.Dispose();
        // They find the cache disposed, and say so.
        _loop.RunErrands();
        _telemetry.Dispose();
    }

    /// <summary>What ends the texts, if the request can be had.</summary>
    private StopConditions Check(ReadOnlySpan<int> prompt, GenerationOptions options)
    {
        if (prompt.IsEmpty)
            throw new ArgumentException("must have a token, such as BOS", nameof(prompt));
        Batch.CheckTokens(prompt, nameof(prompt));
        if (options.PrefillChunk > Model.Options.MaxStepTokens)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.PrefillChunk,
                $"{nameof(GenerationOptions.PrefillChunk)} must be at most the model's {nameof(ModelOptions.MaxStepTokens)}, {Model.Options.MaxStepTokens}"
            );
        if (options.Stop.MinTokens > options.Stop.MaxTokens)
            throw new ArgumentException(
                $"{nameof(StopConditions.MinTokens)}, {options.Stop.MinTokens}, must be at most {nameof(StopConditions.MaxTokens)}, {options.Stop.MaxTokens}",
                nameof(options)
            );
        if (prompt.Length > Model.MaxContextTokens)
            throw new ContextLengthException(prompt.Length, Model.MaxContextTokens);
        if (prompt.Length > MaxTokens)
            throw new CacheTooSmallException(prompt.Length, Cache.TokenCapacity);
        // The last token is not fed back, so it needs no place.
        int room = MaxTokens - prompt.Length + 1;
        return options.Stop with
        {
            MaxTokens = Math.Min(options.Stop.MaxTokens ?? int.MaxValue, room),
            Tokens =
                options.StopAtEos || options.Grammar is not null
                    ? [.. options.Stop.Tokens, .. _eosTokens]
                    : options.Stop.Tokens,
        };
    }

    private static async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        Func<InferenceRequest> submit,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        cancellationToken.ThrowIfCancellationRequested();
        await foreach (
            GeneratedToken token in submit()
                .WithCancellation(cancellationToken)
                .ConfigureAwait(false)
        )
            yield return token;
    }
}
