using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// A model of DeepSeek's architecture on a device, see <see cref="DeepSeekConfig.ModelType"/>: the weights, which nothing
/// changes. Thread-safe: each thread runs steps with a
/// <see cref="StepBatch"/> of its own, at once with others.
/// </summary>
public sealed unsafe partial class DeepSeekModel : IDisposable
{
    private readonly ModelPlan _plan;
    private readonly UseCount _use;
    private readonly CheckpointLease? _lease;
    private readonly CheckpointFingerprint _fingerprint;
    private readonly DeviceMemory _memory;
    private readonly Kernels _kernels; // Of loading, and of the cosines and sines.
    private readonly RotaryEmbedding _rotary;
    private readonly ScratchForms _scratch;
    private readonly DecoderLayer[] _layers;
    private readonly MultiTokenPredictor? _predictor;
    private readonly DeviceTensor _embedding;
    private readonly DeviceTensor _norm;
    private readonly DeviceTensor _head;

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
        _plan = plan;
        _use = new UseCount(Release);
        _memory = new DeviceMemory(plan.Device, isCounting);
        _kernels = new Kernels(_memory);
        _layers = new DecoderLayer[config.NumHiddenLayers];
        try
        {
            _lease = new CheckpointLease(checkpoint);
            _fingerprint = new CheckpointFingerprint(checkpoint);
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
                _layers[i] = new DecoderLayer(config, weights, i, i == 0);
            _norm = weights.Vector("model.norm.weight");
            _head = config.TieWordEmbeddings ? _embedding : weights.Matrix("lm_head.weight");
            if (plan.HasPredictor)
                _predictor = new MultiTokenPredictor(config, weights, _embedding, _head);
            _scratch = new ScratchForms(weights.LinearInput, weights.ExpertInput);
            ExpandedWeightBytes = weights.DequantizedBytes;
            if (isCounting)
                RequireMemory(weights);
            // The batches' streams read them.
            _kernels.Synchronize();
            // A device that reads the host's memory goes on reading them where they are; elsewhere they were copied.
            if (!Device.ReadsHostMemory)
            {
                if (!isCounting)
                    _ = _fingerprint.Value;
                _lease.Dispose();
            }
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
    /// Memory that it took on its device besides weights that it reads in the checkpoint, in bytes. Neither caches nor
    /// batches are among it.
    /// </summary>
    public long MemoryBytes => _memory.AllocatedBytes;

    /// <summary>Whether <see cref="Draft"/> can be called.</summary>
    public bool HasPredictor => _predictor is not null;

    internal CacheLayout CacheLayout => _plan.CacheLayout;

    /// <summary>Bytes of weights that were expanded at load.</summary>
    internal long ExpandedWeightBytes { get; }

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
        int pages = PagedCache.PagesFor(tokens);
        long bytes = pages * CacheLayout.PageBytes;
        if (bytes > Device.MemoryBytes)
            throw new ArgumentOutOfRangeException(
                name,
                tokens,
                $"a cache of so many tokens takes {bytes} bytes, but {Device} has {Device.MemoryBytes} in all"
            );
        _use.Enter(this);
        try
        {
            return new PagedCache(Device, CacheLayout, pages, MaxContextTokens, IdentifyCache);
        }
        finally
        {
            _use.Exit();
        }
    }

    /// <summary>
    /// Makes an empty batch for <see cref="Forward"/>, and all that its steps work with: the device's memory for it grows
    /// with the sizes of steps in the model's options, and with the cache.
    /// </summary>
    /// <param name="cache">The cache of its sequences, made by <see cref="CreateCache(int)"/> of this model.</param>
    /// <exception cref="ArgumentException">The cache is another model's.</exception>
    /// <exception cref="HadalException">The device has not enough memory free.</exception>
    /// <exception cref="ObjectDisposedException">The model or the cache was disposed.</exception>
    public StepBatch CreateBatch(PagedCache cache)
    {
        ArgumentNullException.ThrowIfNull(cache);
        if (!ReferenceEquals(cache.Layout, CacheLayout))
            throw new ArgumentException("must be made by this model", nameof(cache));
        cache.ThrowIfDisposed();
        _use.Enter(this);
        try
        {
            return new StepBatch(this, cache, _plan.StepLayout, CreateStep(cache.PageCount));
        }
        finally
        {
            _use.Exit();
        }
    }

    /// <summary>Runs one step: the tokens go into the cache, and those that asked for it get logits.</summary>
    /// <param name="batch">The tokens, made by <see cref="CreateBatch"/> of this model. Clear it before it is used again.</param>
    /// <param name="cancellationToken">
    /// Looked at between layers, and before a recorded step is launched; a cancelled step leaves all sequences as they were.
    /// </param>
    /// <returns>[logit rows, vocabulary], in the order of the batch; valid until its next step.</returns>
    /// <exception cref="CacheFullException">The cache has not enough free pages; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">
    /// The batch was run already, another thread is running it, or a sequence was truncated or went on in another step after
    /// its tokens were added.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model, the batch, the cache or a sequence was disposed.</exception>
    /// <exception cref="OperationCanceledException">The step was cancelled.</exception>
    public Logits Forward(StepBatch batch, CancellationToken cancellationToken = default)
    {
        Enter(batch);
        try
        {
            if (batch.SequenceCount == 0)
                return default;
            cancellationToken.ThrowIfCancellationRequested();
            batch.BeginStep();
            batch.IsDraftable = false;
            Logits logits;
            bool isDone = false;
            try
            {
                batch.Place();
                if (CanReplay(batch))
                    Replay(batch, cancellationToken);
                else
                    Run(batch.Step, batch.LogitRowCount, cancellationToken);
                logits = batch.Step.ReadLogits(batch.LogitRowCount);
                isDone = true;
            }
            finally
            {
                End(batch, isDone);
            }
            batch.IsDraftable = true;
            return logits;
        }
        finally
        {
            Exit(batch);
        }
    }

    /// <summary>
    /// Puts random latents and indexer keys where the batch's tokens go, in all layers, as if the tokens had been computed:
    /// a long context for measuring, without its prefill.
    /// </summary>
    internal void FillRandomly(StepBatch batch, ulong seed)
    {
        Enter(batch);
        try
        {
            if (batch.SequenceCount == 0)
                return;
            batch.BeginStep();
            bool isDone = false;
            try
            {
                batch.Place();
                RandomCacheContent.Append(batch.Step, seed);
                isDone = true;
            }
            finally
            {
                End(batch, isDone);
            }
        }
        finally
        {
            Exit(batch);
        }
    }

    /// <summary>Gives its memory back, at the end of the steps that are under way; later ones are refused.</summary>
    public void Dispose() => _use.Dispose();

    private void Enter(StepBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Model != this)
            throw new ArgumentException("must be made by this model", nameof(batch));
        _use.Enter(this);
        try
        {
            batch.Enter();
        }
        catch
        {
            _use.Exit();
            throw;
        }
    }

    private void Exit(StepBatch batch)
    {
        batch.Exit();
        _use.Exit();
    }

    // Pages that go back may be another batch's at once, so that nothing may still be queued that writes to them.
    private static void End(StepBatch batch, bool isDone)
    {
        batch.Step.Kernels.Settle();
        batch.EndStep(isDone);
    }

    private void Run(Step step, int logitRows, CancellationToken cancellationToken)
    {
        step.Kernels.Embedding(_embedding, step.Inputs, step.Workspace.Residual);
        foreach (DecoderLayer layer in _layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            layer.Forward(step);
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (logitRows > 0)
            step.Head(_norm, Config.RmsNormEps, _head, logitRows);
    }

    private void Release()
    {
        _kernels.Dispose();
        _memory.Dispose();
        _lease?.Dispose();
    }
}
