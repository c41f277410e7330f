using System.Numerics;
using Hadal.Caching;
using Hadal.Tensors;

namespace Hadal.Model;

/// <content>The memory that steps want besides the weights, and whether the device has room.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>
    /// Makes room for steps of all sizes over a cache of so many pages: positions, expanded context and scratch. Steps
    /// themselves allocate nothing.
    /// </summary>
    private void Prepare(int pages)
    {
        int tokens = (int)Math.Min((long)pages * PagedCache.PageTokens, MaxContextTokens);
        _rotary.Reserve(tokens, MaxContextTokens);
        int expanded = Math.Min(tokens, _plan.ExpandedTokens);
        _expanded.Reserve(expanded);

        // The last step's places stay as they are: a draft may still want them.
        Step last = _step;
        int lastTokens = last.Workspace.Tokens;
        _step = new Step(last, StepBatch.MostRuns(_plan.StepOptions));
        try
        {
            _kernels.Plan(() => PlanSteps(pages, expanded));
        }
        finally
        {
            _step = last;
            _step.Workspace.Tokens = lastTokens;
        }
        _preparedPages = Math.Max(_preparedPages, pages);
    }

    private void PlanSteps(int pages, int expanded)
    {
        var caches = new LayerCache[CacheLayout.Layers];
        Array.Fill(
            caches,
            new LayerCache(
                new MlaPages(null, pages, CacheLayout.Format),
                new IndexPages(null, pages)
            )
        );
        int mostTablePages = (int)
            Math.Min(
                BitOperations.RoundUpToPowerOf2((uint)pages),
                (uint)PagedCache.PagesFor(MaxContextTokens)
            );
        for (int tablePages = 1; ; tablePages = Math.Min(2 * tablePages, mostTablePages))
        {
            for (int tokens = _plan.StepOptions.MaxStepTokens; tokens > 0; tokens /= 2)
                PlanStep(caches, tokens, tablePages, expanded);
            if (tablePages == mostTablePages)
                return;
        }
    }

    private void PlanStep(LayerCache[] caches, int tokens, int tablePages, int expanded)
    {
        Place(caches, tokens, Math.Min(tokens, _plan.StepOptions.MaxSequences), tablePages);
        _step.ClearRuns();
        _step.AddRun(new RowRun(0, tokens, 0, null));
        if (expanded > 0)
            _step.AddRun(new RowRun(0, tokens, expanded, null));
        int rows = Math.Min(tokens, _plan.StepOptions.MaxLogitRows);
        Run(rows, CancellationToken.None);
        if (_predictor is not null)
            RunPredictor(rows);
    }

    private void RequireMemory(WeightLoader weights)
    {
        Prepare(PagedCache.PagesFor(MaxContextTokens));
        long cache = PagedCache.PagesFor(MaxContextTokens) * CacheLayout.PageBytes;
        long workspace = MemoryBytes - weights.BytesDone - ExpandedWeightBytes;
        long needed = MemoryBytes + cache;
        long free = Device.FreeMemoryBytes;
        if (needed > free)
            throw new DeviceMemoryException(
                $"{Device} has {DeviceMemoryException.Megabytes(free)} of memory free, but the model takes {DeviceMemoryException.Megabytes(needed)}: "
                    + $"weights {DeviceMemoryException.Megabytes(weights.BytesDone)}, kv_b expanded {DeviceMemoryException.Megabytes(ExpandedWeightBytes)}, "
                    + $"a cache of {MaxContextTokens} tokens {DeviceMemoryException.Megabytes(cache)}, "
                    + $"workspace for steps of {_plan.StepOptions.MaxStepTokens} tokens {DeviceMemoryException.Megabytes(workspace)}; "
                    + $"lower {nameof(ModelOptions.MaxContextTokens)} or {nameof(ModelOptions.MaxStepTokens)}, or take a larger device",
                needed,
                free
            );
    }
}
