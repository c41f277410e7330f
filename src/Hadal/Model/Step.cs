using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>What the layers of a step share: its tokens' places in the cache, and the scratch. Reused by every step.</summary>
internal sealed unsafe class Step(
    Kernels kernels,
    Workspace workspace,
    ExpandedContext expanded,
    hd_scale_format scaleFormat,
    int maxRuns
)
{
    /// <summary>A step of its own over the same scratch.</summary>
    public Step(Step other, int maxRuns)
        : this(other.Kernels, other.Workspace, other.Expanded, other.ScaleFormat, maxRuns) { }

    private readonly RowRun[] _runs = new RowRun[maxRuns];
    private int _runCount;

    public Kernels Kernels { get; } = kernels;

    public Workspace Workspace { get; } = workspace;

    /// <summary>Scratch of the expanded form of attention.</summary>
    public ExpandedContext Expanded { get; } = expanded;

    /// <summary>How the scales of activations and caches are chosen.</summary>
    public hd_scale_format ScaleFormat { get; } = scaleFormat;

    /// <summary>The cache of each layer.</summary>
    public LayerCache[] Caches { get; set; } = [];

    /// <summary>i32 [tokens] on the device: positions within their sequences.</summary>
    public int* Positions { get; set; }

    /// <summary>i32 [tokens] on the device: where each token goes in the cache.</summary>
    public int* Slots { get; set; }

    /// <summary>Where the sequences lie in the cache.</summary>
    public Paging Paging { get; set; }

    /// <summary>The step's rows by the form of their attention.</summary>
    public ReadOnlySpan<RowRun> Runs => _runs.AsSpan(0, _runCount);

    /// <summary>The sequence of the step's last token; null while planning.</summary>
    public CachedSequence? LastSequence { get; set; }

    /// <summary>Receives what happens in the layers, if anyone wants to know.</summary>
    public ModelTrace? Trace { get; set; }

    public void ClearRuns() => _runCount = 0;

    public void AddRun(RowRun run) => _runs[_runCount++] = run;
}
