using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>A step that stands still in its first layer, on a thread of its own, until this is disposed.</summary>
internal sealed class HeldStep : IDisposable
{
    private readonly DeepSeekModel _model;
    private readonly ManualResetEventSlim _goOn = new();
    private readonly Thread _thread;
    private Exception? _error;

    /// <param name="model">The model, whose trace it takes.</param>
    /// <param name="step">Makes the step; null for one of a token in a cache of its own.</param>
    public HeldStep(DeepSeekModel model, Action? step = null)
    {
        _model = model;
        var isIn = new ManualResetEventSlim();
        model.Trace = new ModelTrace
        {
            OnLayer = _ =>
            {
                isIn.Set();
                _goOn.Wait();
            },
        };
        _thread = new Thread(() =>
        {
            try
            {
                (step ?? One)();
            }
            catch (Exception e)
            {
                _error = e;
            }
            isIn.Set();
        });
        _thread.Start();
        isIn.Wait();
    }

    public void Dispose()
    {
        _goOn.Set();
        _thread.Join();
        _model.Trace = null;
        Assert.Null(_error);
    }

    private void One()
    {
        using PagedCache cache = _model.CreateCache(PagedCache.PageTokens);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = _model.CreateBatch();
        batch.Add(sequence, [0]);
        _model.Forward(batch);
    }
}
