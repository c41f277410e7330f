using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Inference;

/// <summary>Makes the steps of an engine, one after the other, on one thread at a time.</summary>
internal sealed class StepLoop : IDisposable
{
    private readonly InferenceEngine _engine;
    private readonly RequestQueue _queue;
    private readonly RunningTexts _running;
    private readonly Admission _admission;
    private readonly StepPlan _plan;
    private readonly StepWatch _watch;
    private readonly EngineTelemetry _telemetry;
    private readonly StepRunner _runner;

    public StepLoop(InferenceEngine engine, RequestQueue queue, EngineTelemetry telemetry)
    {
        ModelOptions options = engine.Model.Options;
        _engine = engine;
        _queue = queue;
        _telemetry = telemetry;
        _watch = new StepWatch(queue.Changes);
        _running = new RunningTexts();
        var prefixes = new SharedPrefixes(engine.Cache, options.PrefillForm);
        _admission = new Admission(
            queue,
            _running,
            prefixes,
            engine.Cache,
            StepPlan.MostRunning(options)
        );
        _plan = new StepPlan(options, engine.Cache, _running, Preempt);
        Batch = engine.Model.CreateBatch(engine.Cache);
        _runner = new StepRunner(
            Batch,
            engine.Tokenizer,
            prefixes,
            new DraftPolicy(
                engine.Options.Drafts,
                Math.Min(options.MaxStepTokens, options.MaxLogitRows)
            ),
            engine.Options.TimeProvider,
            telemetry
        );
    }

    public StepBatch Batch { get; }

    /// <summary>Texts that run.</summary>
    public int Running => _running.Count;

    /// <summary>Works until the queue is closed.</summary>
    public void Run()
    {
        while (_running.Count > 0 ? !_queue.IsClosed : _queue.Wait())
            Step();
    }

    /// <summary>Ends what is to end, lets begin what can, and makes a step.</summary>
    /// <returns>False where no text had anything to do.</returns>
    public bool Step()
    {
        RunErrands();
        EndEarly();
        _admission.Admit();
        _plan.Make();
        if (_plan.Allotments.IsEmpty)
            return false;
        TimeProvider clock = _engine.Options.TimeProvider;
        long start = clock.GetTimestamp();
        CancellationToken unwanted = _watch.Begin(_plan.Allotments);
        try
        {
            _runner.Run(_plan.Allotments, unwanted);
        }
        finally
        {
            _watch.End(_plan.Allotments);
        }
        int tokens = 0;
        foreach (Allotment allotment in _plan.Allotments)
        {
            tokens += allotment.Count;
            if (allotment.Text.Stop.FinishReason is not null)
                Remove(allotment.Text);
        }
        _telemetry.AddStep(clock.GetElapsedTime(start), tokens);
        return true;
    }

    /// <summary>Lets go of a request that nobody wants any more, or that can't go on; on any thread.</summary>
    public void Forget(InferenceRequest request)
    {
        End(request, _queue.Remove(request));
        _watch.Forget(request);
    }

    /// <summary>Breaks off the step under way.</summary>
    public void Stop() => _watch.Stop();

    /// <summary>Does what others want done while no step is under way; on the thread that makes the steps.</summary>
    public void RunErrands()
    {
        while (_queue.TakeErrand() is { } errand)
            errand();
    }

    /// <summary>Gives up all requests, when no step is made any more.</summary>
    /// <param name="error">What their readers get.</param>
    public void Abort(Exception error)
    {
        // Readers may take theirs away meanwhile.
        while (_queue.First is { } text)
            text.Request.Abort(error);
        while (_running.Count > 0)
        {
            _running[0].Request.Abort(error);
            Remove(_running[0]);
        }
    }

    public void Dispose()
    {
        Batch.Dispose();
        _watch.Dispose();
        _runner.Dispose();
    }

    private void EndEarly()
    {
        for (int i = _running.Count - 1; i >= 0; i--)
        {
            TextChoice text = _running[i];
            if (text.Request.IsAborted)
                Remove(text);
            else if (text.EndsEarly is { } reason)
                Complete(text, reason);
        }
        // Without the queue's lock: listeners are told of the end.
        while (_queue.TakeEnding() is ({ } ending, var why))
            Complete(ending, why);
    }

    private void Complete(TextChoice text, FinishReason reason)
    {
        _runner.Complete(text, reason);
        Remove(text);
    }

    private void Preempt(TextChoice text)
    {
        _running.Remove(text);
        _telemetry.Preempt(text);
        if (!_queue.Return(text))
            End(text.Request, 1);
    }

    private void Remove(TextChoice text)
    {
        if (text.Sequence is not null)
            _running.Remove(text);
        End(text.Request, 1);
    }

    private void End(InferenceRequest request, int texts)
    {
        if (texts > 0 && request.Finish(texts))
            _telemetry.End(request);
    }
}
