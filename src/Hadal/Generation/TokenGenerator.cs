using System.Runtime.CompilerServices;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Generation;

/// <summary>
/// Generates text with a model. Several texts may be under way in its cache, from several threads; their steps take turns,
/// in the order of asking. Thread-safe.
/// </summary>
public sealed class TokenGenerator : IDisposable
{
    private readonly int[] _eosTokens;

    /// <summary>A generator with a cache of its own.</summary>
    /// <param name="model">The model, which it does not own.</param>
    /// <param name="tokenizer">The checkpoint's tokenizer.</param>
    /// <param name="cacheTokens">Tokens that fit in the cache, of all texts under way.</param>
    /// <exception cref="TokenizerException">The tokenizer has ids for which the model has no rows.</exception>
    /// <exception cref="Checkpoints.CheckpointException">
    /// The <c>generation_config.json</c> in the tokenizer's folder is broken, or its <c>eos_token_id</c> is.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="cacheTokens"/> is less than 1, or takes more than all memory of the device.
    /// </exception>
    /// <exception cref="HadalException">The device has not enough memory.</exception>
    public TokenGenerator(DeepSeekModel model, DeepSeekTokenizer tokenizer, int cacheTokens = 4096)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        tokenizer.RequireFits(model.Config.VocabSize);
        _eosTokens =
        [
            .. model.Config.EosTokenIds,
            .. tokenizer.Folder is { } folder ? GenerationConfig.Read(folder).EosTokenIds : [],
            tokenizer.EosId,
        ];
        Model = model;
        Tokenizer = tokenizer;
        Cache = model.CreateCache(cacheTokens, nameof(cacheTokens));
        try
        {
            Batch = model.CreateBatch(Cache);
        }
        catch
        {
            Cache.Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public DeepSeekModel Model { get; }

    /// <summary>The tokenizer.</summary>
    public DeepSeekTokenizer Tokenizer { get; }

    /// <summary>The cache of the texts under way.</summary>
    public PagedCache Cache { get; }

    internal StepBatch Batch { get; }

    /// <summary>Entered by whoever runs a step with <see cref="Batch"/>, until its logits are read.</summary>
    internal StepGate Gate { get; } = new();

    /// <summary>Begins a text, without waiting for a step; nothing runs until <see cref="TextGeneration.MoveNext"/>.</summary>
    /// <param name="prompt">Token ids, at least one; a BOS is theirs to begin with.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="after">
    /// A text of this generator that need not go on, such as the turn before of a conversation. The new text takes over its
    /// place in the cache, and computes only what follows the beginning that both share. In
    /// <see cref="PrefillForm.Absorbed"/> that changes no bit.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The prompt is empty, has an id that is not in the vocabulary, or <see cref="GenerationOptions.PrefillChunk"/> is more
    /// than a step takes; <paramref name="after"/> is another generator's.
    /// </exception>
    /// <exception cref="ContextLengthException">The prompt fills the context: no token could follow.</exception>
    /// <exception cref="ObjectDisposedException">
    /// <paramref name="after"/> was disposed or taken over, or the generator was disposed.
    /// </exception>
    /// <exception cref="InvalidOperationException">A step of <paramref name="after"/> is under way.</exception>
    public TextGeneration Start(
        ReadOnlySpan<int> prompt,
        GenerationOptions? options = null,
        TextGeneration? after = null
    )
    {
        options ??= new GenerationOptions();
        if (prompt.IsEmpty)
            throw new ArgumentException("must have a token, such as BOS", nameof(prompt));
        if (after is not null && after.Sequence.Cache != Cache)
            throw new ArgumentException("must be a text of this generator", nameof(after));
        if (options.PrefillChunk > Model.Options.MaxStepTokens)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.PrefillChunk,
                $"{nameof(GenerationOptions.PrefillChunk)} must be at most the model's {nameof(ModelOptions.MaxStepTokens)}, {Model.Options.MaxStepTokens}"
            );
        // The last token is not fed back, so it needs no place.
        int room = Model.MaxContextTokens - prompt.Length + 1;
        if (room < 1)
            throw new ContextLengthException(prompt.Length, Model.MaxContextTokens);
        StopConditions stop = options.Stop with
        {
            MaxTokens = Math.Min(options.Stop.MaxTokens ?? int.MaxValue, room),
            Tokens = options.StopAtEos
                ? [.. options.Stop.Tokens, .. _eosTokens]
                : options.Stop.Tokens,
        };
        return new TextGeneration(this, prompt, options, stop, after);
    }

    /// <summary>
    /// Generates a text on the thread pool; the caller's thread computes nothing and waits for nothing. What <see cref="Start"/>
    /// refuses is thrown where the first token is asked for. The text's place in the cache goes back when the enumeration ends
    /// or is disposed.
    /// </summary>
    /// <param name="prompt">Token ids, at least one; a BOS is theirs to begin with.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="cancellationToken">Looked at while other steps are waited for, and between layers.</param>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        ReadOnlyMemory<int> prompt,
        GenerationOptions? options = null,
        CancellationToken cancellationToken = default
    ) => GenerateAsync(() => Start(prompt.Span, options), cancellationToken);

    /// <summary>
    /// Generates a text from a prompt's text, to which BOS is added where the tokenizer says so. It is tokenized on the thread
    /// pool too.
    /// </summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="cancellationToken">Looked at between words of the prompt, while other steps are waited for, and between layers.</param>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        string prompt,
        GenerationOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return GenerateAsync(
            () => Start(Tokenizer.Encode(prompt, cancellationToken: cancellationToken), options),
            cancellationToken
        );
    }

    /// <summary>Gives the cache back when the step under way has ended; texts cannot go on.</summary>
    public void Dispose()
    {
        // At once, so that steps which wait are refused in their turn rather than made.
        Cache.Dispose();
        Gate.Enter();
        try
        {
            Batch.Dispose();
        }
        finally
        {
            Gate.Exit();
        }
    }

    private static async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        Func<TextGeneration> start,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using TextGeneration text = start();
        while (await text.MoveNextAsync(cancellationToken).ConfigureAwait(false))
            yield return new GeneratedToken(text.Token, text.Text.ToString(), text.FinishReason);
    }
}
