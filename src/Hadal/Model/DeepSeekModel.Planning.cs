using Hadal.Caching;

namespace Hadal.Model;

/// <content>The workspace that steps want, and whether the device has room.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>Makes a workspace that serves steps of all sizes over a cache of so many pages.</summary>
    private void Plan(int pages)
    {
        // The last step's places stay as they are: a draft may still want them.
        Step last = _step;
        int lastTokens = last.Workspace.Tokens;
        _step = new Step(_kernels, last.Workspace, last.ScaleFormat, StepBatch.MostRuns(Options));
        try
        {
            _kernels.Plan(() => PlanSteps(pages));
        }
        finally
        {
            _step = last;
            _step.Workspace.Tokens = lastTokens;
        }
    }

    private void PlanSteps(int pages)
    {
        var caches = new LayerCache[CacheLayout.Layers];
        Array.Fill(
            caches,
            new LayerCache(
                new MlaPages(null, pages, CacheLayout.Format),
                new IndexPages(null, pages)
            )
        );
        int mostTablePages = PagedCache.PagesFor(MaxContextTokens);
        for (int tablePages = 1; ; tablePages = Math.Min(2 * tablePages, mostTablePages))
        {
            for (int tokens = Options.MaxStepTokens; tokens > 0; tokens /= 2)
                PlanStep(caches, tokens, tablePages);
            if (tablePages == mostTablePages)
                return;
        }
    }

    private void PlanStep(LayerCache[] caches, int tokens, int tablePages)
    {
        Place(caches, tokens, Math.Min(tokens, Options.MaxSequences), tablePages);
        _step.ClearRuns();
        _step.AddRun(new RowRun(0, tokens, 0, null));
        if (ExpandedTokens > 0)
            _step.AddRun(new RowRun(0, tokens, ExpandedTokens, null));
        int rows = Math.Min(tokens, Options.MaxLogitRows);
        Run(rows, CancellationToken.None);
        if (_predictor is not null)
            RunPredictor(rows);
    }

    private void RequireMemory(WeightLoader weights)
    {
        long expanded = weights.DequantizedBytes;
        DeviceMemoryException.ThrowIfShort(
            Device,
            weights.BytesDone,
            expanded,
            PagedCache.PagesFor(MaxContextTokens) * CacheLayout.PageBytes,
            MaxContextTokens,
            _memory.AllocatedBytes - weights.BytesDone - expanded,
            Options.MaxStepTokens
        );
    }
}
