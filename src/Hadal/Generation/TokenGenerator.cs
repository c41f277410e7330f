using System.Runtime.CompilerServices;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Generation;

/// <summary>
/// Generates text with a model. Several texts may be under way in its cache, from several threads; their steps take
/// turns.
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
        Cache = model.CreateCache(cacheTokens);
        Batch = model.CreateBatch();
    }

    /// <summary>The model.</summary>
    public DeepSeekModel Model { get; }

    /// <summary>The tokenizer.</summary>
    public DeepSeekTokenizer Tokenizer { get; }

    /// <summary>The cache of the texts under way.</summary>
    public PagedCache Cache { get; }

    internal StepBatch Batch { get; }

    /// <summary>Begins a text; nothing runs until <see cref="TextGeneration.MoveNext"/>.</summary>
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
    /// <exception cref="ObjectDisposedException"><paramref name="after"/> was disposed or taken over.</exception>
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
        lock (Model.Gate)
            return new TextGeneration(this, prompt, options, stop, after);
    }

    /// <summary>Generates a text on the thread pool.</summary>
    /// <param name="prompt">Token ids, at least one; a BOS is theirs to begin with.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="cancellationToken">Looked at between layers.</param>
    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        ReadOnlyMemory<int> prompt,
        GenerationOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        using TextGeneration text = Start(prompt.Span, options);
        while (true)
        {
            // A step computes; the caller's thread may be a user interface's.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            if (!text.MoveNext(cancellationToken))
                yield break;
            yield return new GeneratedToken(text.Token, text.Text.ToString(), text.FinishReason);
        }
    }

    /// <summary>Generates a text on the thread pool from a prompt's text, to which BOS is added where the tokenizer says so.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">How to go on; null for the defaults.</param>
    /// <param name="cancellationToken">Looked at between words of the prompt and between layers.</param>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        string prompt,
        GenerationOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        GenerateAsync(
            Tokenizer.Encode(prompt, cancellationToken: cancellationToken),
            options,
            cancellationToken
        );

    /// <summary>Gives the cache back; texts under way cannot go on.</summary>
    public void Dispose()
    {
        lock (Model.Gate)
        {
            Batch.Dispose();
            Cache.Dispose();
        }
    }
}
