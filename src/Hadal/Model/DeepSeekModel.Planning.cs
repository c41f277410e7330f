using System.Numerics;
using Hadal.Caching;
using Hadal.Tensors;

namespace Hadal.Model;

/// <content>The memory that steps want besides the weights, and whether the device has room.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>
    /// Makes what steps of all sizes over a cache of so many pages work with: steps themselves allocate nothing.
    /// </summary>
    private Step CreateStep(int pages)
    {
        var step = new Step(_plan, _scratch, _rotary, pages, _memory.IsCounting);
        try
        {
            step.Kernels.Plan(() => PlanSteps(step, pages));
            return step;
        }
        catch
        {
            step.Dispose();
            throw;
        }
    }

    private void PlanSteps(Step step, int pages)
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
                PlanStep(step, caches, tokens, tablePages);
            if (tablePages == mostTablePages)
                return;
        }
    }

    private void PlanStep(Step step, LayerCache[] caches, int tokens, int tablePages)
    {
        int sequences = Math.Min(tokens, _plan.StepOptions.MaxSequences);
        step.Place(caches, tokens, sequences, tablePages);
        step.AddRun(new RowRun(0, tokens, 0, null));
        if (step.ExpandedTokens > 0)
            step.AddRun(new RowRun(0, tokens, step.ExpandedTokens, null));
        int rows = Math.Min(tokens, _plan.StepOptions.MaxLogitRows);
        Run(step, rows, CancellationToken.None);
        if (_predictor is not null)
            RunPredictor(step, rows);
    }

    /// <summary>Refuses a model that, with a cache of its longest context and a batch over it, has no room on the device.</summary>
    private void RequireMemory(WeightLoader weights)
    {
        int pages = PagedCache.PagesFor(MaxContextTokens);
        using Step step = CreateStep(pages);
        long cache = pages * CacheLayout.PageBytes;
        long workspace = MemoryBytes + step.MemoryBytes - weights.BytesDone - ExpandedWeightBytes;
        long needed = MemoryBytes + step.MemoryBytes + cache;
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
