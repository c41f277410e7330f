using Hadal.Generation;

namespace Hadal.Inference;

/// <summary>
/// The texts that wait for steps, in the order of their requests' rank. New requests are bounded in number; texts that ran
/// already come back without bound, to the place that they had. Thread-safe.
/// </summary>
/// <param name="options">The bound, the ageing and the clock.</param>
internal sealed class RequestQueue(EngineOptions options)
{
    private readonly List<TextChoice> _waiting = [];
    private readonly Queue<Action> _errands = [];
    private readonly long _start = options.TimeProvider.GetTimestamp();
    private long _submitted;

    /// <summary>Held while texts come and go, and while the step loop looks at those that wait.</summary>
    public object Changes { get; } = new();

    /// <summary>Requests that wait for their first step.</summary>
    public int NewRequests { get; private set; }

    /// <summary>Whether it takes no more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Texts that wait. Whoever goes through them holds <see cref="Changes"/>.</summary>
    public int Count => _waiting.Count;

    public TextChoice this[int index] => _waiting[index];

    /// <summary>The one that is next; null where none waits.</summary>
    public TextChoice? First
    {
        get
        {
            lock (Changes)
                return _waiting.Count > 0 ? _waiting[0] : null;
        }
    }

    /// <summary>Takes a new request, and numbers and ranks it.</summary>
    /// <exception cref="QueueFullException">As many wait as may.</exception>
    /// <exception cref="ObjectDisposedException">It was closed.</exception>
    public void Add(InferenceRequest request)
    {
        lock (Changes)
        {
            ObjectDisposedException.ThrowIf(IsClosed, typeof(InferenceEngine));
            if (NewRequests == options.MaxQueuedRequests)
                throw new QueueFullException(NewRequests, options.MaxQueuedRequests);
            NewRequests++;
            request.Number = ++_submitted;
            TimeSpan time = options.TimeProvider.GetElapsedTime(_start);
            request.Rank = time / options.PriorityAgeing - request.Options.Priority;
            foreach (TextChoice choice in request.Choices)
                Insert(choice);
            Monitor.Pulse(Changes);
        }
    }

    /// <summary>Takes a text back that has to begin again.</summary>
    /// <returns>False where its request was given up.</returns>
    public bool Return(TextChoice choice)
    {
        lock (Changes)
        {
            if (choice.Request.IsAborted)
                return false;
            Insert(choice);
            return true;
        }
    }

    /// <summary>Takes out the text at an index; the caller holds <see cref="Changes"/>.</summary>
    public TextChoice TakeAt(int index)
    {
        TextChoice choice = _waiting[index];
        _waiting.RemoveAt(index);
        if (choice.Index == 0 && !choice.HasRun)
            NewRequests--;
        return choice;
    }

    /// <summary>Takes out a text that is to end before its next step, and tells why; null where there is none.</summary>
    public (TextChoice? Text, FinishReason Reason) TakeEnding()
    {
        lock (Changes)
        {
            for (int i = 0; i < _waiting.Count; i++)
            {
                if (_waiting[i].EndsEarly is { } reason)
                    return (TakeAt(i), reason);
            }
            return default;
        }
    }

    /// <summary>Takes out all texts of a request.</summary>
    /// <returns>How many.</returns>
    public int Remove(InferenceRequest request)
    {
        int count = 0;
        lock (Changes)
        {
            for (int i = _waiting.Count - 1; i >= 0; i--)
            {
                if (_waiting[i].Request != request)
                    continue;
                TakeAt(i);
                count++;
            }
        }
        return count;
    }

    /// <summary>Waits until a text or an errand waits.</summary>
    /// <returns>False when it was closed.</returns>
    public bool Wait()
    {
        lock (Changes)
        {
            while (_waiting.Count == 0 && _errands.Count == 0 && !IsClosed)
                Monitor.Wait(Changes);
            return !IsClosed;
        }
    }

    /// <summary>Takes what is to be done between two steps.</summary>
    /// <exception cref="ObjectDisposedException">It was closed.</exception>
    public void Add(Action errand)
    {
        lock (Changes)
        {
            ObjectDisposedException.ThrowIf(IsClosed, typeof(InferenceEngine));
            _errands.Enqueue(errand);
            Monitor.Pulse(Changes);
        }
    }

    /// <summary>Takes out the first errand; null where there is none.</summary>
    public Action? TakeErrand()
    {
        lock (Changes)
            return _errands.TryDequeue(out Action? errand) ? errand : null;
    }

    /// <summary>Takes no more.</summary>
    public void Close()
    {
        lock (Changes)
        {
            IsClosed = true;
            Monitor.Pulse(Changes);
        }
    }

    private void Insert(TextChoice choice)
    {
        int at = _waiting.Count;
        while (at > 0 && GoesBefore(choice, _waiting[at - 1]))
            at--;
        _waiting.Insert(at, choice);
    }

    private static bool GoesBefore(TextChoice one, TextChoice other) =>
        one.Request.Rank != other.Request.Rank
            ? one.Request.Rank < other.Request.Rank
            : one.IsBefore(other);
}
