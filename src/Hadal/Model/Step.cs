using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// A batch on the device: its stream, all scratch that a step works with, and while one runs its tokens' places in the
/// cache. Allocated once, for the largest step over its cache. Not thread-safe.
/// </summary>
internal sealed unsafe class Step : IDisposable
{
    private readonly DeviceMemory _memory;
    private readonly StepLayout _layout;
    private readonly RowRun[] _runs;
    private readonly DeviceTensor _lastX;
    private readonly DeviceTensor _lastResidual;
    private readonly DeviceTensor _logits;
    private readonly float[] _hostLogits;
    private int _runCount;

    /// <param name="plan">The model.</param>
    /// <param name="forms">The forms of input that its linears take.</param>
    /// <param name="rotary">Its cosines and sines.</param>
    /// <param name="pages">Pages of the cache.</param>
    /// <param name="isCounting">Whether memory is only counted.</param>
    public Step(
        ModelPlan plan,
        ScratchForms forms,
        RotaryEmbedding rotary,
        int pages,
        bool isCounting
    )
    {
        ModelOptions options = plan.StepOptions;
        int hidden = plan.Config.HiddenSize;
        int rows = options.MaxLogitRows;
        int tokens = (int)Math.Min((long)pages * PagedCache.PageTokens, plan.MaxContextTokens);
        _layout = plan.StepLayout;
        _runs = new RowRun[_layout.MostRuns];
        Selections = new SelectionRecorder(plan.Config.Indexer, plan.TopK);
        ScaleFormat = (hd_scale_format)plan.Config.ScaleFormat;
        ExpandedTokens = Math.Min(tokens, plan.ExpandedTokens);
        _memory = new DeviceMemory(plan.Device, isCounting);
        Kernels = new Kernels(_memory);
        try
        {
            RotaryTable = rotary.Table(tokens, plan.MaxContextTokens);
            Workspace = new Workspace(_memory, plan, forms);
            Expanded = new ExpandedContext(_memory, plan, ExpandedTokens);
            Inputs = (int*)_memory.Allocate(_layout.Length * sizeof(int));
            _lastX = _memory.Matrix(plan.Activations, rows, hidden);
            _lastResidual = _memory.Matrix(plan.Activations, rows, hidden);
            _logits = _memory.Matrix(hd_dtype.HD_DTYPE_F32, rows, plan.Config.VocabSize);
        }
        catch
        {
            Dispose();
            throw;
        }
        // Pinned, and the collector's: who holds a step's logits may read them after the batch's disposal.
        _hostLogits = GC.AllocateUninitializedArray<float>(
            isCounting ? 0 : rows * plan.Config.VocabSize,
            pinned: true
        );
    }

    /// <summary>Memory that it takes on the device, in bytes.</summary>
    public long MemoryBytes => _memory.AllocatedBytes;

    public Kernels Kernels { get; }

    public Workspace Workspace { get; }

    /// <summary>Scratch of the expanded form of attention.</summary>
    public ExpandedContext Expanded { get; }

    /// <summary>The most tokens of a sequence that take the expanded form.</summary>
    public int ExpandedTokens { get; }

    /// <summary>f32 [positions, 64] on the device: cosines, then sines.</summary>
    public DeviceTensor RotaryTable { get; }

    /// <summary>How the scales of activations and caches are chosen.</summary>
    public hd_scale_format ScaleFormat { get; }

    /// <summary>The batch's <see cref="StepLayout"/> on the device, of which the first are the tokens' ids.</summary>
    public int* Inputs { get; }

    /// <summary>The cache of each layer.</summary>
    public LayerCache[] Caches { get; private set; } = [];

    /// <summary>i32 [tokens] on the device: positions within their sequences.</summary>
    public int* Positions => Inputs + _layout.Positions;

    /// <summary>i32 [tokens] on the device: where each token goes in the cache.</summary>
    public int* Slots => Inputs + _layout.Slots;

    /// <summary>i32 [logit rows] on the device: the tokens that get logits.</summary>
    public int* LogitRows => Inputs + _layout.LogitRows;

    /// <summary>Where the sequences lie in the cache.</summary>
    public Paging Paging { get; private set; }

    /// <summary>The step's rows by the form of their attention.</summary>
    public ReadOnlySpan<RowRun> Runs => _runs.AsSpan(0, _runCount);

    /// <summary>The sequence of the step's last token; null while planning.</summary>
    public CachedSequence? LastSequence { get; set; }

    /// <summary>Takes what indexers choose, of rows that want it told.</summary>
    public SelectionRecorder Selections { get; }

    /// <summary>Receives what happens in the layers, if anyone wants to know.</summary>
    public ModelTrace? Trace { get; set; }

    /// <summary>Tells the step its size and caches; the places of its tokens are in <see cref="Inputs"/>.</summary>
    /// <param name="caches">The cache of each layer.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="sequences">Sequences.</param>
    /// <param name="tablePages">Columns of the block table.</param>
    public void Place(LayerCache[] caches, int tokens, int sequences, int tablePages)
    {
        Workspace.Tokens = tokens;
        Caches = caches;
        Paging = new Paging(
            sequences,
            tablePages,
            Inputs + _layout.Table,
            Inputs + _layout.RowSequences,
            Inputs + _layout.Visible
        );
        _runCount = 0;
    }

    public void AddRun(RowRun run) => _runs[_runCount++] = run;

    /// <summary>Logits of the rows that ask for them, of the last block's output and the residual stream.</summary>
    /// <param name="norm">The norm before the head.</param>
    /// <param name="epsilon">The norm's.</param>
    /// <param name="head">[vocabulary, hidden].</param>
    /// <param name="rows">Rows that ask, at least 1.</param>
    public void Head(DeviceTensor norm, float epsilon, DeviceTensor head, int rows)
    {
        DeviceTensor x = _lastX.Top(rows);
        DeviceTensor residual = _lastResidual.Top(rows);
        Kernels.Embedding(Workspace.X, LogitRows, x);
        Kernels.Embedding(Workspace.Residual, LogitRows, residual);
        Kernels.AddNorm(x, residual, norm, epsilon, x);
        Kernels.Gemm(x, head, _logits.Top(rows));
    }

    /// <summary>Puts rows of the last <see cref="Head"/>, after its norm, into x: the hidden states of as many tokens.</summary>
    public void Recycle(ReadOnlySpan<int> rows)
    {
        Workspace.Tokens = rows.Length;
        fixed (int* host = rows)
            Kernels.CopyToDevice(Inputs, host, sizeof(int) * (long)rows.Length);
        Kernels.Embedding(_lastX, Inputs, Workspace.X);
    }

    /// <summary>Waits for the step, and gives its logits.</summary>
    public Logits ReadLogits(int rows)
    {
        long count = (long)rows * _logits.Columns;
        fixed (float* to = _hostLogits)
            Kernels.CopyToHost(to, _logits.Data, count * sizeof(float));
        Kernels.Synchronize();
        return new Logits(_hostLogits.AsSpan(0, (int)count), _logits.Columns);
    }

    public void Dispose()
    {
        Kernels.Dispose();
        _memory.Dispose();
    }
}
