namespace Hadal.Inference;

/// <summary>Breaks a step off once none of its requests is wanted any more. Thread-safe.</summary>
/// <param name="gate">Guards it.</param>
internal sealed class StepWatch(object gate) : IDisposable
{
    private CancellationTokenSource _unwanted = new();
    private int _wanted;
    private bool _isStopped;
    private bool _isDisposed;

    /// <summary>Begins a step.</summary>
    /// <returns>Is cancelled when nobody wants the step.</returns>
    public CancellationToken Begin(ReadOnlySpan<Allotment> allotments)
    {
        lock (gate)
        {
            foreach (Allotment allotment in allotments)
            {
                InferenceRequest request = allotment.Text.Request;
                if (request.IsInStep || request.IsAborted)
                    continue;
                request.IsInStep = true;
                _wanted++;
            }
            if (_isStopped || _wanted == 0)
                _unwanted.Cancel();
            return _unwanted.Token;
        }
    }

    public void End(ReadOnlySpan<Allotment> allotments)
    {
        lock (gate)
        {
            foreach (Allotment allotment in allotments)
                allotment.Text.Request.IsInStep = false;
            _wanted = 0;
            if (_unwanted.TryReset())
                return;
            _unwanted.Dispose();
            _unwanted = new CancellationTokenSource();
        }
    }

    /// <summary>Is told that a request is not wanted any more.</summary>
    public void Forget(InferenceRequest request)
    {
        lock (gate)
        {
            if (!request.IsInStep)
                return;
            request.IsInStep = false;
            if (--_wanted == 0)
                _unwanted.Cancel();
        }
    }

    /// <summary>Breaks off the step under way, and those to come; after the last one it does nothing.</summary>
    public void Stop()
    {
        lock (gate)
        {
            _isStopped = true;
            if (!_isDisposed)
                _unwanted.Cancel();
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            _isDisposed = true;
            _unwanted.Dispose();
        }
    }
}
