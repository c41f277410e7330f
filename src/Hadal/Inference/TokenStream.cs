using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using Hadal.Generation;

namespace Hadal.Inference;

/// <summary>
/// The tokens of a request on their way from the step loop to its one reader, who may be as slow as it likes. Writing
/// allocates nothing in steady state; the reader makes the strings. Thread-safe.
/// </summary>
internal sealed class TokenStream : IValueTaskSource<bool>
{
    private readonly object _lock = new();
    private readonly Queue<StreamedToken> _tokens = new(16);
    private readonly TextQueue _text = new();
    private ManualResetValueTaskSourceCore<bool> _waiting = new()
    {
        // What the reader does with a token must not run on the loop's thread.
        RunContinuationsAsynchronously = true,
    };
    private bool _isAwaited;
    private bool _isEnded;
    private Exception? _error;

    /// <summary>The token that was read last.</summary>
    public GeneratedToken Current { get; private set; }

    /// <summary>Adds a token, unless the stream has ended.</summary>
    public void Write(in StreamedToken token, ReadOnlySpan<char> text)
    {
        bool wake;
        lock (_lock)
        {
            if (_isEnded)
                return;
            _tokens.Enqueue(token with { TextLength = text.Length });
            _text.Append(text);
            wake = Wake();
        }
        if (wake)
            _waiting.SetResult(true);
    }

    /// <summary>Ends the stream after what was written, where it has not ended.</summary>
    /// <param name="error">What the reader gets at the end; null for nothing.</param>
    public void End(Exception? error) => End(error, atOnce: false);

    /// <summary>Ends the stream at once, where it has not ended: what was not read is forgotten.</summary>
    /// <param name="error">What the reader gets.</param>
    public void Abort(Exception error) => End(error, atOnce: true);

    /// <summary>Waits for the next token, which becomes <see cref="Current"/>, on the caller's thread.</summary>
    /// <returns>False at the end.</returns>
    public bool MoveNext()
    {
        lock (_lock)
        {
            while (_tokens.Count == 0 && !_isEnded)
                Monitor.Wait(_lock);
            return Take();
        }
    }

    /// <summary><see cref="MoveNext"/> that takes no thread meanwhile.</summary>
    public ValueTask<bool> MoveNextAsync()
    {
        lock (_lock)
        {
            if (_tokens.Count == 0 && !_isEnded)
            {
                _waiting.Reset();
                _isAwaited = true;
                return new ValueTask<bool>(this, _waiting.Version);
            }
            try
            {
                return new ValueTask<bool>(Take());
            }
            catch (Exception e)
            {
                return ValueTask.FromException<bool>(e);
            }
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        _waiting.GetResult(token);
        lock (_lock)
            return Take();
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) =>
        _waiting.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _waiting.OnCompleted(continuation, state, token, flags);

    private void End(Exception? error, bool atOnce)
    {
        bool wake;
        lock (_lock)
        {
            if (_isEnded)
                return;
            if (atOnce)
            {
                _tokens.Clear();
                _text.Clear();
            }
            _error = error;
            _isEnded = true;
            wake = Wake();
        }
        if (wake)
            _waiting.SetResult(true);
    }

    // Whether an asynchronous reader is to be told; the caller holds the lock.
    private bool Wake()
    {
        Monitor.PulseAll(_lock);
        bool isAwaited = _isAwaited;
        _isAwaited = false;
        return isAwaited;
    }

    private bool Take()
    {
        if (_tokens.TryDequeue(out StreamedToken token))
        {
            Current = new GeneratedToken(token.Id, _text.Take(token.TextLength), token.FinishReason)
            {
                Choice = token.Choice,
                LogProbs = token.LogProbs,
                Selection = token.Selection,
            };
            return true;
        }
        if (_error is not null)
            ExceptionDispatchInfo.Throw(_error);
        return false;
    }
}
