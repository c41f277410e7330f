namespace Hadal.Generation;

/// <summary>
/// Lets one step of a model run at a time, in the order of asking. Who waits asynchronously takes no thread meanwhile, and
/// a waiter that is cancelled leaves at once. Thread-safe; not re-entrant.
/// </summary>
internal sealed class StepGate
{
    private readonly Lock _lock = new();

    // Those that were cancelled stay in until their turn, which they don't take.
    private readonly Queue<TaskCompletionSource> _waiting = [];
    private bool _isTaken;

    /// <summary>Blocks the thread until the gate is the caller's; then call <see cref="Exit"/>.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">It was cancelled; the gate is not the caller's.</exception>
    public void Enter(CancellationToken cancellationToken = default)
    {
        if (Queue(cancellationToken) is not { } turn)
            return;
        using (CancelOn(turn, cancellationToken))
            turn.Task.GetAwaiter().GetResult();
    }

    /// <summary>Waits until the gate is the caller's; then call <see cref="Exit"/>, on any thread.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">It was cancelled; the gate is not the caller's.</exception>
    public ValueTask EnterAsync(CancellationToken cancellationToken = default) =>
        Queue(cancellationToken) is { } turn
            ? new ValueTask(WaitAsync(turn, cancellationToken))
            : default;

    /// <summary>Hands the gate to the first of those that wait.</summary>
    public void Exit()
    {
        lock (_lock)
        {
            while (_waiting.TryDequeue(out TaskCompletionSource? next))
            {
                if (next.TrySetResult())
                    return;
            }
            _isTaken = false;
        }
    }

    // Null if the gate is the caller's now.
    private TaskCompletionSource? Queue(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return null;
            }
            // What the next does with its turn must not run on the thread that hands it over.
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            return turn;
        }
    }

    private static async Task WaitAsync(
        TaskCompletionSource turn,
        CancellationToken cancellationToken
    )
    {
        using (CancelOn(turn, cancellationToken))
            await turn.Task.ConfigureAwait(false);
    }

    private static CancellationTokenRegistration CancelOn(
        TaskCompletionSource turn,
        CancellationToken cancellationToken
    ) =>
        cancellationToken.UnsafeRegister(
            static (turn, token) => ((TaskCompletionSource)turn!).TrySetCanceled(token),
            turn
        );
}
