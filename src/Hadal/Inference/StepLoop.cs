using CommunityToolkit.HighPerformance.Buffers;
using Hadal.Caching;
using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Inference;

/// <summary>Makes the steps of an engine, one after the other, on one thread at a time.</summary>
internal sealed class StepLoop : IDisposable
{
    private readonly InferenceEngine _engine;
    private readonly RequestQueue _queue;
    private readonly RunningTexts _running;
    private readonly SharedPrefixes _prefixes;
    private readonly Admission _admission;
    private readonly StepPlan _plan;
    private readonly StepWatch _watch;
    private readonly EngineTelemetry _telemetry;
    private readonly LogProbabilities _logProbs;
    private readonly ArrayPoolBufferWriter<char> _decoded = new();
    private readonly ArrayPoolBufferWriter<char> _text = new();

    public StepLoop(InferenceEngine engine, RequestQueue queue, EngineTelemetry telemetry)
    {
        ModelOptions options = engine.Model.Options;
        _engine = engine;
        _queue = queue;
        _telemetry = telemetry;
        _watch = new StepWatch(queue.Changes);
        _running = new RunningTexts();
        _prefixes = new SharedPrefixes(engine.Cache, options.PrefillForm);
        _admission = new Admission(
            queue,
            _running,
            _prefixes,
            engine.Cache,
            StepPlan.MostRunning(options)
        );
        _plan = new StepPlan(options, engine.Cache, _running, Preempt);
        _logProbs = new LogProbabilities(engine.Model.Config.VocabSize);
        Batch = engine.Model.CreateBatch(engine.Cache);
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
            Make(unwanted);
            _telemetry.AddStep(clock.GetElapsedTime(start), Batch.TokenCount);
        }
        finally
        {
            _watch.End(_plan.Allotments);
        }
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

    /// <summary>Gives up all requests, when no step is made any more.</summary>
    /// <param name="error">What their readers get.</param>
    public void Abort(Exception error)
    {
        while (_queue.Count > 0)
            _queue[0].Request.Abort(error);
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
        _decoded.Dispose();
        _text.Dispose();
    }

    private void EndEarly()
    {
        for (int i = _running.Count - 1; i >= 0; i--)
        {
            TextChoice text = _running[i];
            if (text.Request.IsAborted)
                Remove(text);
            else if (text.Request.EndsEarly is { } reason)
                Complete(text, reason);
        }
        lock (_queue.Changes)
        {
            for (int i = _queue.Count - 1; i >= 0; i--)
            {
                if (_queue[i].Request.EndsEarly is { } reason)
                    Complete(_queue.TakeAt(i), reason);
            }
        }
    }

    private void Make(CancellationToken unwanted)
    {
        Logits logits;
        try
        {
            Batch.Clear();
            foreach (Allotment allotment in _plan.Allotments)
                Add(allotment);
            logits = _engine.Model.Forward(Batch, unwanted);
        }
        catch (OperationCanceledException) when (unwanted.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            _telemetry.FailStep(e);
            MakeEachAlone(e);
            return;
        }
        int row = 0;
        foreach (Allotment allotment in _plan.Allotments)
        {
            Accept(allotment, logits, row);
            row += allotment.Rows;
        }
    }

    /// <summary>After a step that came to nothing, to tell whose tokens it was: the others' bits are the same alone.</summary>
    private void MakeEachAlone(Exception error)
    {
        foreach (Allotment allotment in _plan.Allotments)
        {
            Logits logits;
            try
            {
                if (_plan.Allotments.Length == 1)
                    throw new StepFailedException(error);
                Batch.Clear();
                Add(allotment);
                logits = _engine.Model.Forward(Batch);
            }
            catch (Exception e)
            {
                allotment.Text.Request.Fail(e as StepFailedException ?? new StepFailedException(e));
                continue;
            }
            Accept(allotment, logits, 0);
        }
    }

    private void Add(Allotment allotment)
    {
        TextChoice text = allotment.Text;
        Batch.Add(text.Sequence!, text.Pending[..allotment.Count], text.NextKind, allotment.Logits);
    }

    private void Accept(Allotment allotment, Logits logits, int row)
    {
        TextChoice text = allotment.Text;
        if (text.Request.IsAborted)
            return;
        try
        {
            int after = text.Sequence!.Length;
            _prefixes.Publish(text);
            if (allotment.Logits == LogitRows.All)
                AcceptPrompt(text, after - allotment.Count, logits, row, allotment.Count);
            if (after == text.Tokens.Length)
                Accept(text, logits[row + allotment.Rows - 1]);
        }
        catch (Exception e)
        {
            text.Request.Fail(e as HadalException ?? new StepFailedException(e));
        }
    }

    // Tokens from a position of the prompt on have rows, each of which foretells the next.
    private void AcceptPrompt(TextChoice text, int position, Logits logits, int row, int count)
    {
        InferenceRequest request = text.Request;
        int end = Math.Min(position + count + 1, request.PromptLength);
        for (int token = request.ForetoldTokens; token < end; token++)
        {
            ReadOnlySpan<float> own = logits[row + token - position - 1];
            request.AddPromptLogProbs(
                _logProbs.Of(own, text.Tokens[token], request.Options.PromptLogProbs!.Value)
            );
        }
    }

    /// <summary>Draws a text's next token.</summary>
    private void Accept(TextChoice text, ReadOnlySpan<float> logits)
    {
        InferenceRequest request = text.Request;
        int token = text.Sampler.Sample(logits, text.Stop.RuledOut);
        TokenLogProbs? logProbs = request.Options.LogProbs is { } top
            ? _logProbs.Of(logits, token, top)
            : null;
        _text.Clear();
        text.Append(token, _engine.Tokenizer, _decoded, _text);
        FinishReason? reason = text.Stop.FinishReason;
        _telemetry.AddToken(request.Times.AddToken());
        request.Stream.Write(
            new StreamedToken(token, text.Index, reason, logProbs),
            _text.WrittenSpan
        );
        if (reason is not null)
            Remove(text);
    }

    private void Complete(TextChoice text, FinishReason reason)
    {
        _text.Clear();
        text.Complete(reason, _decoded, _text);
        text.Request.Stream.Write(
            new StreamedToken(-1, text.Index, reason, null),
            _text.WrittenSpan
        );
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
