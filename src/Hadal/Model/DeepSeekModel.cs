using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance;
using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// DeepSeek-V3.2, V3.1, V3 or R1 on a device. It runs one step at a time: concurrent calls of <see cref="Forward"/> are
/// served in their order, but the logits belong to the last. Thread-safe but for <see cref="Trace"/>.
/// </summary>
public sealed unsafe partial class DeepSeekModel : IDisposable
{
    /// <summary>Entered by whoever runs a step, until its logits are read.</summary>
    internal StepGate Gate { get; } = new();

    private readonly ModelPlan _plan;
    private readonly CheckpointLease? _lease;
    private readonly DeviceMemory _memory;
    private readonly Kernels _kernels;
    private readonly RotaryEmbedding _rotary;
    private readonly ExpandedContext _expanded;
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
    private volatile int _preparedPages;
    private volatile bool _disposed;
    private bool _released;

    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="plan">What it and the options make of the model.</param>
    /// <param name="isCounting">Whether this is a rehearsal: nothing is allocated on the device, but it must have the memory.</param>
    /// <param name="progress">Is told of each tensor, or null.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
    private DeepSeekModel(
        Checkpoint checkpoint,
        ModelPlan plan,
        bool isCounting,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        DeepSeekConfig config = plan.Config;
        ModelOptions options = plan.StepOptions;
        hd_dtype act = plan.Activations;
        _plan = plan;
        _memory = new DeviceMemory(plan.Device, isCounting);
        _kernels = new Kernels(_memory);
        _expanded = new ExpandedContext(_memory, config, act);
        _layers = new DecoderLayer[config.NumHiddenLayers];
        try
        {
            _lease = new CheckpointLease(checkpoint);
            var weights = new WeightLoader(
                checkpoint,
                plan,
                _memory,
                _kernels,
                progress,
                cancellationToken
            );
            _rotary = new RotaryEmbedding(config, _memory, _kernels);
            _embedding = weights.Matrix("model.embed_tokens.weight");
            for (int i = 0; i < _layers.Length; i++)
                _layers[i] = new DecoderLayer(config, _rotary, weights, i, i == 0);
            _norm = weights.Vector("model.norm.weight");
            _head = config.TieWordEmbeddings ? _embedding : weights.Matrix("lm_head.weight");

            var workspace = new Workspace(
                _memory,
                config,
                act,
                options.MaxStepTokens,
                plan.TopK,
                Device.GroupAlignment,
                plan.ExpandedTokens > 0
            );
            if (plan.HasPredictor)
                _predictor = new MultiTokenPredictor(
                    config,
                    _rotary,
                    weights,
                    _memory,
                    act,
                    options.MaxStepTokens
                );
            ExpandedWeightBytes = weights.DequantizedBytes;
            _step = new Step(
                _kernels,
                workspace,
                _expanded,
                (hd_scale_format)config.ScaleFormat,
                StepBatch.MostRuns(options)
            );
            _inputs = (int*)
                _memory.Allocate(
                    StepBatch.Length(options, MaxContextTokens, plan.ExpandedTokens) * sizeof(int)
                );
            _lastX = _memory.Matrix(act, options.MaxLogitRows, config.HiddenSize);
            _lastResidual = _memory.Matrix(act, options.MaxLogitRows, config.HiddenSize);
            _logits = _memory.Matrix(hd_dtype.HD_DTYPE_F32, options.MaxLogitRows, config.VocabSize);
            _hostLogits = GC.AllocateUninitializedArray<float>(
                options.MaxLogitRows * config.VocabSize,
                pinned: true
            );
            if (isCounting)
                RequireMemory(weights);
            // A device that reads the host's memory goes on reading them where they are; elsewhere they were copied.
            if (!Device.ReadsHostMemory)
                _lease.Dispose();
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>What the model is.</summary>
    public DeepSeekConfig Config => _plan.Config;

    /// <summary>What it was loaded with.</summary>
    public ModelOptions Options => _plan.Options;

    /// <summary>What it runs on.</summary>
    public Device Device => _plan.Device;

    /// <summary>The most tokens of one sequence.</summary>
    public int MaxContextTokens => _plan.MaxContextTokens;

    /// <summary>
    /// Memory that it took on its device besides weights that it reads in the checkpoint, in bytes. Caches are not among it,
    /// but what steps over them want is: it grows with the largest cache made.
    /// </summary>
    public long MemoryBytes => _memory.AllocatedBytes + _expanded.AllocatedBytes;

    /// <summary>Receives what the layers do with the last token of each step; null, which costs nothing, by default.</summary>
    public ModelTrace? Trace
    {
        get => _step.Trace;
        set => _step.Trace = value;
    }

    /// <summary>Whether <see cref="Draft"/> can be called.</summary>
    public bool HasPredictor => _predictor is not null;

    internal CacheLayout CacheLayout => _plan.CacheLayout;

    /// <summary>Bytes of weights that were expanded at load.</summary>
    internal long ExpandedWeightBytes { get; }

    /// <summary>Is told how long each operation of a step takes; null, which costs nothing, by default.</summary>
    internal OpClock? Clock
    {
        get => _kernels.Clock;
        set => _kernels.Clock = value;
    }

    /// <summary>Makes a cache for sequences of this model.</summary>
    /// <param name="tokens">Tokens that it holds in all, rounded up to pages of 64.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="tokens"/> is less than 1, or takes more than all memory of the device.
    /// </exception>
    /// <exception cref="HadalException">The device has not enough memory free.</exception>
    public PagedCache CreateCache(int tokens) => CreateCache(tokens, nameof(tokens));

    internal PagedCache CreateCache(int tokens, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1, name);
        ObjectDisposedException.ThrowIf(_disposed, this);
        int pages = PagedCache.PagesFor(tokens);
        long bytes = pages * CacheLayout.PageBytes;
        if (bytes > Device.MemoryBytes)
            throw new ArgumentOutOfRangeException(
                name,
                tokens,
                $"a cache of so many tokens takes {bytes} bytes, but {Device} has {Device.MemoryBytes} in all"
            );
        // What steps want besides grows with the largest cache alone.
        if (pages > _preparedPages)
        {
            Gate.Enter();
            try
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                Prepare(pages);
            }
            finally
            {
                Gate.Exit();
            }
        }
        return new PagedCache(Device, CacheLayout, pages, MaxContextTokens);
    }

    /// <summary>Makes an empty batch for <see cref="Forward"/>.</summary>
    public StepBatch CreateBatch() =>
        new(_plan.StepOptions, Config.VocabSize, MaxContextTokens, _plan.ExpandedTokens);

    /// <summary>Runs one step: the tokens go into the cache, and those that asked for it get logits.</summary>
    /// <param name="batch">The tokens, made by <see cref="CreateBatch"/> of this model. Clear it before it is used again.</param>
    /// <param name="cancellationToken">
    /// Looked at while other steps are waited for, and between layers; a cancelled step leaves all sequences as they were.
    /// </param>
    /// <returns>[logit rows, vocabulary], in the order of the batch; valid until the next step.</returns>
    /// <exception cref="CacheFullException">The cache has not enough free pages; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">
    /// The batch was run already, or a sequence was truncated or went on in another step after its tokens were added.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model, the cache or a sequence was disposed.</exception>
    /// <exception cref="OperationCanceledException">The step was cancelled.</exception>
    public ReadOnlySpan2D<float> Forward(
        StepBatch batch,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(batch);
        Gate.Enter(cancellationToken);
        try
        {
            return ForwardInGate(batch, cancellationToken);
        }
        finally
        {
            Gate.Exit();
        }
    }

    /// <summary><see cref="Forward"/> for one that has entered <see cref="Gate"/>: the logits are its own until it leaves.</summary>
    internal ReadOnlySpan2D<float> ForwardInGate(
        StepBatch batch,
        CancellationToken cancellationToken
    )
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (batch.Options != _plan.StepOptions || batch.VocabularySize != Config.VocabSize)
            throw new ArgumentException("must be made by this model", nameof(batch));
        if (batch.Cache is not { } cache)
            return default;
        if (!ReferenceEquals(cache.Layout, CacheLayout))
            throw new ArgumentException("has a cache of another model", nameof(batch));
        batch.BeginStep(cache);
        _draftable = null;
        bool isDone = false;
        try
        {
            Start(batch, cache);
            if (CanReplay(batch))
                Replay(batch, cache, cancellationToken);
            else
                Run(batch.LogitRowCount, cancellationToken);
            ReadLogits(batch.LogitRowCount);
            isDone = true;
        }
        finally
        {
            batch.EndStep(cache, isDone);
        }
        _draftable = batch;
        _draftableRevision = batch.Revision;
        return Logits(batch.LogitRowCount);
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
    /// There is no predictor, or the batch is not that of the last step, or was drafted from already, or a sequence was
    /// changed since.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model, the cache or a sequence was disposed.</exception>
    public ReadOnlySpan2D<float> Draft(
        StepBatch batch,
        ReadOnlySpan<int> nextTokens,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(batch);
        Gate.Enter(cancellationToken);
        try
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
            batch.ThrowIfChanged();
            cancellationToken.ThrowIfCancellationRequested();
            PagedCache cache = batch.Cache!;
            cache.BeginStep();
            _draftable = null;
            try
            {
                fixed (int* ids = nextTokens)
                    _kernels.CopyToDevice(_inputs, ids, sizeof(int) * (long)nextTokens.Length);
                RunPredictor(batch.LogitRowCount);
                ReadLogits(batch.LogitRowCount);
            }
            finally
            {
                cache.EndStep();
            }
            return Logits(batch.LogitRowCount);
        }
        finally
        {
            Gate.Exit();
        }
    }

    /// <summary>
    /// Puts random latents and indexer keys where the batch's tokens go, in all layers, as if the tokens had been computed:
    /// a long context for measuring, without its prefill.
    /// </summary>
    internal void FillRandomly(StepBatch batch, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Gate.Enter();
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (batch.Cache is not { } cache)
                return;
            batch.BeginStep(cache);
            _draftable = null;
            bool isDone = false;
            try
            {
                Start(batch, cache);
                RandomCacheContent.Append(_step, seed);
                isDone = true;
            }
            finally
            {
                batch.EndStep(cache, isDone);
            }
        }
        finally
        {
            Gate.Exit();
        }
    }

    /// <summary>Gives its memory back when the step under way has ended; steps that wait are refused.</summary>
    public void Dispose()
    {
        _disposed = true;
        Gate.Enter();
        try
        {
            if (!_released)
                Release();
            _released = true;
        }
        finally
        {
            Gate.Exit();
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
        _step.Positions = _inputs + StepBatch.PositionsOffset(_plan.StepOptions);
        _step.Slots = _inputs + StepBatch.SlotsOffset(_plan.StepOptions);
        _step.Paging = new Paging(
            sequences,
            tablePages,
            _inputs + StepBatch.TableOffset(_plan.StepOptions),
            _inputs + StepBatch.RowSequenceOffset(_plan.StepOptions),
            _inputs + StepBatch.VisibleOffset(_plan.StepOptions)
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
        _kernels.AddNorm(w.X, w.Residual, _norm, Config.RmsNormEps, w.X);
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
        int* rows = _inputs + StepBatch.LogitRowsOffset(_plan.StepOptions);
        _kernels.Embedding(_step.Workspace.X, rows, x);
        _kernels.Embedding(_step.Workspace.Residual, rows, residual);
        _kernels.AddNorm(x, residual, norm, Config.RmsNormEps, x);
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
        foreach ((_, RecordedSteps steps) in _recorded)
            steps.Dispose();
        _kernels.Dispose();
        _expanded.Dispose();
        _memory.Dispose();
        _lease?.Dispose();
    }
}
