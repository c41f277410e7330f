using Hadal.Bindings;
using Hadal.Caching;

namespace Hadal.Model;

/// <summary>A batch's decode steps, recorded over its cache's memory; they go with the cache or the batch. Thread-safe.</summary>
internal sealed class RecordedSteps : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Sequences, int TablePages), GraphHandle> _steps = [];

    private readonly PagedCache _cache;

    public RecordedSteps(PagedCache cache)
    {
        _cache = cache;
        cache.Releasing += Release;
    }

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _steps.Count;
        }
    }

    /// <summary>The step of a shape, or null where none was recorded.</summary>
    /// <param name="sequences">Sequences of the step.</param>
    /// <param name="tablePages">Columns of its block table.</param>
    public GraphHandle? Find(int sequences, int tablePages)
    {
        lock (_gate)
            return _steps.GetValueOrDefault((sequences, tablePages));
    }

    public void Add(int sequences, int tablePages, GraphHandle step)
    {
        lock (_gate)
            _steps.Add((sequences, tablePages), step);
    }

    public void Dispose()
    {
        _cache.Releasing -= Release;
        Release();
    }

    private void Release()
    {
        lock (_gate)
        {
            foreach (GraphHandle step in _steps.Values)
                step.Dispose();
            _steps.Clear();
        }
    }
}
