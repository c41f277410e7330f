using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>A step that stands still in its first layer, on a thread of its own, until this is disposed.</summary>
internal sealed class HeldStep : IDisposable
{
    private readonly StepBatch _batch;
    private readonly ManualResetEventSlim _goOn = new();
    private readonly Thread _thread;
    private Exception? _error;

    /// <param name="batch">The batch, whose trace it takes.</param>
    /// <param name="step">Makes the step with it.</param>
    public HeldStep(StepBatch batch, Action step)
    {
        _batch = batch;
        var isIn = new ManualResetEventSlim();
        batch.Trace = new ModelTrace
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
                step();
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
        _batch.Trace = null;
        Assert.Null(_error);
    }
}
