using System.Collections.Immutable;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// What the indexers choose for rows of a step whose requests want to know it: read layer by layer, so that nothing is computed
/// otherwise. Does nothing where no row is wanted.
/// </summary>
/// <param name="indexer">The model's indexers; null where it has none.</param>
/// <param name="topK">How many tokens an indexer chooses.</param>
internal sealed unsafe class SelectionRecorder(IndexerConfig? indexer, int topK)
{
    private readonly ImmutableArray<int> _layers = indexer?.ChoosingLayers ?? [];
    private readonly List<(int Row, TokenSelection Selection)> _whole = [];
    private readonly List<(int Row, CachedSequence Sequence, byte[][] Differences)> _sparse = [];
    private readonly int[] _slots = new int[topK];

    /// <summary>Whether a layer has to be looked at while it is computed.</summary>
    public bool IsWatching => _sparse.Count > 0;

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        _whole.Clear();
        _sparse.Clear();
    }

    /// <summary>Records what is chosen for a row of the next step.</summary>
    /// <param name="row">The row.</param>
    /// <param name="sequence">Its sequence.</param>
    /// <param name="visible">Tokens that it can see, its own included.</param>
    public void Add(int row, CachedSequence sequence, int visible)
    {
        bool isAll = _layers.IsEmpty || visible <= topK;
        byte[][] differences = isAll ? [] : new byte[_layers.Length][];
        _whole.Add((row, new TokenSelection(_layers, visible, differences)));
        if (!isAll)
            _sparse.Add((row, sequence, differences));
    }

    /// <summary>Takes what a layer's indexer has just chosen; the predictor's is none of the model's.</summary>
    public void Record(Step step, int layer)
    {
        int index = IsWatching ? _layers.IndexOf(layer) : -1;
        if (index < 0)
            return;
        foreach ((int row, CachedSequence sequence, byte[][] differences) in _sparse)
        {
            DeviceTensor chosen = step.Workspace.Indices.Row(row);
            fixed (int* to = _slots)
                step.Kernels.CopyToHost(to, chosen.Data, sizeof(int) * (long)_slots.Length);
            int count = _slots.AsSpan().IndexOf(-1);
            Span<int> slots = _slots.AsSpan(0, count < 0 ? _slots.Length : count);
            sequence.SlotsToPositions(slots);
            differences[index] = PositionCode.Encode(slots);
        }
    }

    /// <summary>What was chosen for a row of the step just made; null where it was not wanted.</summary>
    public TokenSelection? Of(int row)
    {
        foreach ((int known, TokenSelection selection) in _whole)
        {
            if (known == row)
                return selection;
        }
        return null;
    }
}
