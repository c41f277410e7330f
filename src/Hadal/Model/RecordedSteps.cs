using Hadal.Bindings;
using Hadal.Caching;

namespace Hadal.Model;

/// <summary>A model's decode steps over one cache's memory, recorded; they go with the cache or the model. Thread-safe.</summary>
internal sealed class RecordedSteps : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Sequences, int TablePages), GraphHandle> _steps = [];

    public RecordedSteps(PagedCache cache) => cache.Releasing += Dispose;

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
        lock (_gate)
        {
            foreach (GraphHandle step in _steps.Values)
                step.Dispose();
            _steps.Clear();
        }
    }
}
