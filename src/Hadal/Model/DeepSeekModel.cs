using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance;
using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// DeepSeek-V3.2, V3.1, V3 or R1 on a device. It runs one step at a time: concurrent calls of <see cref="Forward"/> wait
/// for each other, but the logits belong to the last.
/// </summary>
public sealed unsafe partial class DeepSeekModel : IDisposable
{
    /// <summary>Held while a step runs and its logits are read.</summary>
    internal Lock Gate { get; } = new();

    private readonly Checkpoint? _owned;
    private readonly DeviceMemory _memory;
    private readonly Kernels _kernels;
    private Step _step;
    private readonly DecoderLayer[] _layers;
    private readonly MultiTokenPredictor? _predictor;
    private readonly DeviceTensor _embedding;
    private readonly DeviceTensor _norm;
    private readonly DeviceTensor _head;
    private readonly int* _inputs;
    private readonly DeviceTensor _lastX;
    private readonly DeviceTensor _lastResidual;
    private readonly DeviceTensor _logits;

    /// <summary>Pinned, and the collector's: who holds a step's logits may read them after the model's disposal.</summary>
    private readonly float[] _hostLogits;

    private StepBatch? _draftable;
    private int _draftableRevision;
    private bool _disposed;

    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="ownsCheckpoint">Whether it goes with the model.</param>
    /// <param name="device">What to run on.</param>
    /// <param name="options">How to load.</param>
    /// <param name="isCounting">Whether this is a rehearsal: nothing is allocated on the device, but it must have the memory.</param>
    /// <param name="progress">Is told of each tensor, or null.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
    private DeepSeekModel(
        Checkpoint checkpoint,
        bool ownsCheckpoint,
        Device device,
        ModelOptions options,
        bool isCounting,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        DeepSeekConfig config = checkpoint.Config;
        Config = config;
        Options = options;
        Device = device;
        MaxContextTokens = options.MaxContextTokens ?? config.MaxPositionEmbeddings;
        if (MaxContextTokens > config.MaxPositionEmbeddings)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                MaxContextTokens,
                $"{nameof(ModelOptions.MaxContextTokens)} must be at most the config's max_position_embeddings, {config.MaxPositionEmbeddings}"
            );
        hd_dtype act = hd_dtype.HD_DTYPE_BF16;
        if (options.Activations == ActivationMode.Float32)
            act = hd_dtype.HD_DTYPE_F32;
        if (act == hd_dtype.HD_DTYPE_F32 && device.Kind != DeviceKind.Cpu)
            throw new ArgumentException(
                $"{nameof(ModelOptions.Activations)} is {options.Activations}, which runs on the CPU alone; on {device} it must be {ActivationMode.BFloat16}",
                nameof(options)
            );

        _memory = new DeviceMemory(device, isCounting);
        _kernels = new Kernels(_memory);
        _layers = new DecoderLayer[config.NumHiddenLayers];
        try
        {
            var weights = new WeightLoader(
                checkpoint,
                _memory,
                _kernels,
                act,
                progress,
                cancellationToken
            );
            var rotary = new RotaryEmbedding(config, _memory, _kernels, MaxContextTokens);
            _embedding = weights.Matrix("model.embed_tokens.weight");
            for (int i = 0; i < _layers.Length; i++)
                _layers[i] = new DecoderLayer(config, rotary, weights, i, i == 0);
            _norm = weights.Vector("model.norm.weight");
            _head = config.TieWordEmbeddings ? _embedding : weights.Matrix("lm_head.weight");

            var workspace = new Workspace(
                _memory,
                config,
                act,
                options.MaxStepTokens,
                options.IndexTopK ?? config.Indexer?.TopK ?? 0,
                device.Kind == DeviceKind.Cpu ? 1 : 128,
                ExpandedTokens
            );
            if (options.LoadPredictor && config.NumNextnPredictLayers > 0)
                _predictor = new MultiTokenPredictor(
                    config,
                    rotary,
                    weights,
                    _memory,
                    act,
                    options.MaxStepTokens
                );
            _step = new Step(
                _kernels,
                workspace,
                (hd_scale_format)config.ScaleFormat,
                StepBatch.MostRuns(options)
            );
            _inputs = (int*)
                _memory.Allocate(
                    StepBatch.Length(options, MaxContextTokens, ExpandedTokens) * sizeof(int)
                );
            _lastX = _memory.Matrix(act, options.MaxLogitRows, config.HiddenSize);
            _lastResidual = _memory.Matrix(act, options.MaxLogitRows, config.HiddenSize);
            _logits = _memory.Matrix(hd_dtype.HD_DTYPE_F32, options.MaxLogitRows, config.VocabSize);
            _hostLogits = GC.AllocateUninitializedArray<float>(
                checked(options.MaxLogitRows * config.VocabSize),
                pinned: true
            );
            CacheLayout = new CacheLayout(
                config.NumHiddenLayers + (_predictor is null ? 0 : 1),
                (config.Indexer is null, options.Activations) switch
                {
                    (false, ActivationMode.BFloat16) => hd_mla_format.HD_MLA_FP8,
                    (false, _) => hd_mla_format.HD_MLA_FP8_F32,
                    (true, ActivationMode.BFloat16) => hd_mla_format.HD_MLA_BF16,
                    (true, _) => hd_mla_format.HD_MLA_F32,
                },
                config.Indexer is not null
            );
            Plan(PagedCache.PagesFor(MaxContextTokens));
            if (isCounting)
                RequireMemory(weights);
            // Last, so that a failed load leaves the checkpoint to its owner.
            _owned = ownsCheckpoint ? checkpoint : null;
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>What the model is.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>What it was loaded with.</summary>
    public ModelOptions Options { get; }

    /// <summary>What it runs on.</summary>
    public Device Device { get; }

    /// <summary>The most tokens of one sequence.</summary>
    public int MaxContextTokens { get; }

    // Tokens of a sequence that the expanded form serves, from the first on. Absorbed attention over the chosen tokens costs
    // what expanded attention over 1.9 times as many does, its expansion of a chunk of 512 tokens taken in.
    private int ExpandedTokens =>
        Options.PrefillForm switch
        {
            PrefillForm.Absorbed => 0,
            PrefillForm.ByPosition when (Options.IndexTopK ?? Config.Indexer?.TopK) is { } kept =>
                (int)Math.Min(2L * kept, MaxContextTokens),
            _ => MaxContextTokens,
        };

    /// <summary>Memory that it took on its device besides the mapped checkpoint, in bytes.</summary>
    public long MemoryBytes => _memory.AllocatedBytes;

    /// <summary>Receives what the layers do with the last token of each step; null, which costs nothing, by default.</summary>
    public ModelTrace? Trace
    {
        get => _step.Trace;
        set => _step.Trace = value;
    }

    /// <summary>Whether <see cref="Draft"/> can be called.</summary>
    public bool HasPredictor => _predictor is not null;

    internal CacheLayout CacheLayout { get; }

    /// <summary>Is told how long each operation of a step takes; null, which costs nothing, by default.</summary>
    internal OpClock? Clock
    {
        get => _kernels.Clock;
        set => _kernels.Clock = value;
    }

    /// <summary>Makes a cache for sequences of this model.</summary>
    /// <param name="tokens">Tokens that it holds in all, rounded up to pages of 64.</param>
    /// <exception cref="HadalException">The device has not enough memory.</exception>
    public PagedCache CreateCache(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        int pages = PagedCache.PagesFor(tokens);
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // Scratch of CUDA's attention grows with the cache, the CPU's doesn't.
            if (Device.Kind != DeviceKind.Cpu)
                Plan(pages);
        }
        return new PagedCache(Device, CacheLayout, pages, MaxContextTokens);
    }

    /// <summary>Makes an empty batch for <see cref="Forward"/>.</summary>
    public StepBatch CreateBatch() =>
        new(Options, Config.VocabSize, MaxContextTokens, ExpandedTokens);

    /// <summary>Runs one step: the tokens go into the cache, and those that asked for it get logits.</summary>
    /// <param name="batch">The tokens, made by <see cref="CreateBatch"/> of this model.</param>
    /// <param name="cancellationToken">Looked at between layers; a cancelled step leaves all sequences as they were.</param>
    /// <returns>[logit rows, vocabulary], in the order of the batch; valid until the next step.</returns>
    /// <exception cref="CacheFullException">The cache has not enough free pages; nothing was written.</exception>
    /// <exception cref="OperationCanceledException">The step was cancelled.</exception>
    public ReadOnlySpan2D<float> Forward(
        StepBatch batch,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (batch.Options != Options || batch.VocabularySize != Config.VocabSize)
                throw new ArgumentException("must be made by this model", nameof(batch));
            if (batch.Cache is not { } cache)
                return default;
            if (!ReferenceEquals(cache.Layout, CacheLayout))
                throw new ArgumentException("has a cache of another model", nameof(batch));
            _draftable = null;
            batch.Reserve();
            try
            {
                Start(batch, cache);
                if (CanReplay(batch))
                    Replay(batch, cache, cancellationToken);
                else
                    Run(batch.LogitRowCount, cancellationToken);
                ReadLogits(batch.LogitRowCount);
            }
            catch
            {
                batch.RollBack();
                throw;
            }
            batch.Commit();
            _draftable = batch;
            _draftableRevision = batch.Revision;
            return Logits(batch.LogitRowCount);
        }
    }

    /// <summary>
    /// Runs the multi-token predictor on the tokens of the step just made: it guesses the token after the next, and keeps
    /// its own part of the cache.
    /// </summary>
    /// <param name="batch">The batch of the last <see cref="Forward"/>, unchanged.</param>
    /// <param name="nextTokens">For each token of the batch, the one that follows it.</param>
    /// <param name="cancellationToken">Looked at before it begins.</param>
    /// <returns>[logit rows, vocabulary], in the order of the batch; valid until the next step.</returns>
    /// <exception cref="InvalidOperationException">
    /// There is no predictor, or the batch is not that of the last step, or was drafted from already.
    /// </exception>
    public ReadOnlySpan2D<float> Draft(
        StepBatch batch,
        ReadOnlySpan<int> nextTokens,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_predictor is null)
                throw new InvalidOperationException(
                    $"The model has no predictor; see {nameof(ModelOptions)}.{nameof(ModelOptions.LoadPredictor)}"
                );
            if (_draftable is null || _draftable != batch || _draftableRevision != batch.Revision)
                throw new InvalidOperationException(
                    "The batch must be that of the last step, unchanged, and not be drafted from yet"
                );
            if (nextTokens.Length != batch.TokenCount)
                throw new ArgumentException(
                    $"there are {nextTokens.Length} tokens, but the batch has {batch.TokenCount}",
                    nameof(nextTokens)
                );
            batch.CheckTokens(nextTokens, nameof(nextTokens));
            cancellationToken.ThrowIfCancellationRequested();
            _draftable = null;
            fixed (int* ids = nextTokens)
                _kernels.CopyToDevice(_inputs, ids, sizeof(int) * (long)nextTokens.Length);
            RunPredictor(batch.LogitRowCount);
            ReadLogits(batch.LogitRowCount);
            return Logits(batch.LogitRowCount);
        }
    }

    /// <summary>
    /// Puts random latents and indexer keys where the batch's tokens go, in all layers, as if the tokens had been computed:
    /// a long context for measuring, without its prefill.
    /// </summary>
    internal void FillRandomly(StepBatch batch, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (batch.Cache is not { } cache)
                return;
            _draftable = null;
            batch.Reserve();
            try
            {
                Start(batch, cache);
                RandomCacheContent.Append(_step, seed);
            }
            catch
            {
                batch.RollBack();
                throw;
            }
            batch.Commit();
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        lock (Gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            Release();
        }
    }

    private void Start(StepBatch batch, PagedCache cache)
    {
        _kernels.CopyToDevice(_inputs, batch.Host, batch.UsedLength * sizeof(int));
        Place(cache.Layers, batch.TokenCount, batch.SequenceCount, batch.TablePages);
        _step.LastSequence = batch.LastSequence;
        batch.AddRuns(_step, _inputs);
    }

    private void Place(LayerCache[] caches, int tokens, int sequences, int tablePages)
    {
        _step.Workspace.Tokens = tokens;
        _step.Caches = caches;
        _step.Positions = _inputs + StepBatch.PositionsOffset(Options);
        _step.Slots = _inputs + StepBatch.SlotsOffset(Options);
        _step.Paging = new Paging(
            sequences,
            tablePages,
            _inputs + StepBatch.TableOffset(Options),
            _inputs + StepBatch.RowSequenceOffset(Options),
            _inputs + StepBatch.VisibleOffset(Options)
        );
    }

    private void Run(int logitRows, CancellationToken cancellationToken)
    {
        _kernels.Embedding(_embedding, _inputs, _step.Workspace.Residual);
        foreach (DecoderLayer layer in _layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            layer.Forward(_step);
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (logitRows == 0)
            return;

        Head(_norm, _head, logitRows);
    }

    private void RunPredictor(int logitRows)
    {
        // h is the residual stream after the final norm.
        Workspace w = _step.Workspace;
        _kernels.RmsNorm(w.X, w.Residual, _norm, Config.RmsNormEps, w.X);
        _predictor!.Forward(_step, _inputs);
        if (logitRows > 0)
            Head(_predictor.Norm, _predictor.Head, logitRows);
    }

    /// <summary>Logits of the rows that ask for them, of the last block's output and the residual stream.</summary>
    private void Head(DeviceTensor norm, DeviceTensor head, int logitRows)
    {
        DeviceTensor x = _lastX.Top(logitRows);
        DeviceTensor residual = _lastResidual.Top(logitRows);
        DeviceTensor logits = _logits.Top(logitRows);
        int* rows = _inputs + StepBatch.LogitRowsOffset(Options);
        _kernels.Embedding(_step.Workspace.X, rows, x);
        _kernels.Embedding(_step.Workspace.Residual, rows, residual);
        _kernels.RmsNorm(x, residual, norm, Config.RmsNormEps, x);
        _kernels.Gemm(x, head, logits);
    }

    private void ReadLogits(int rows) =>
        _kernels.CopyToHost(
            Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_hostLogits)),
            _logits.Data,
            (long)rows * _logits.Columns * sizeof(float)
        );

    private ReadOnlySpan2D<float> Logits(int rows) =>
        new(_hostLogits, 0, rows, Config.VocabSize, 0);

    private void Release()
    {
        foreach (DecoderLayer? layer in _layers)
            layer?.Dispose();
        _predictor?.Dispose();
        _kernels.Dispose();
        _memory.Dispose();
        _owned?.Dispose();
    }
}
