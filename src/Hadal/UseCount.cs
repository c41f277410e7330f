namespace Hadal;

/// <summary>
/// Lets threads use something that may be disposed of meanwhile: it is released once it was disposed of and the last has
/// left. Thread-safe.
/// </summary>
internal sealed class UseCount(Action release)
{
    private readonly Lock _lock = new();
    private int _users;
    private bool _isDisposed;

    /// <summary>Begins a use, that <see cref="Exit"/> ends.</summary>
    /// <param name="owner">What the exception names.</param>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    public void Enter(object owner)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, owner);
            _users++;
        }
    }

    public void Exit()
    {
        lock (_lock)
        {
            if (--_users > 0 || !_isDisposed)
                return;
        }
        release();
    }

    /// <summary>Refuses later uses, and releases at the end of those under way; again it does nothing.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            if (_users > 0)
                return;
        }
        release();
    }
}
