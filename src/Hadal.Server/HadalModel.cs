using Hadal.Answering;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Server.Loading;

namespace Hadal.Server;

/// <summary>The model that the application serves, which is loaded after the start. Thread-safe.</summary>
public sealed class HadalModel
{
    /// <summary>The key of the service <c>IChatClient</c> that answers with this model.</summary>
    public const string ServiceKey = "hadal";

    private readonly TaskCompletionSource<LoadedModel> _loaded = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );
    private readonly Lock _lock = new();
    private HadalState _state;
    private LoadProgress _progress;

    internal HadalModel(string name) => Name = name;

    /// <summary>What clients call it.</summary>
    public string Name { get; }

    /// <summary>Whether it is being loaded, answers, could not be loaded, or ends.</summary>
    public HadalState State
    {
        get
        {
            lock (_lock)
                return _state;
        }
    }

    /// <summary>The part of its weights that is loaded, from 0 to 1.</summary>
    public double Progress
    {
        get
        {
            lock (_lock)
                return _loaded.Task.IsCompletedSuccessfully ? 1
                    : _progress.BytesTotal > 0 ? (double)_progress.BytesDone / _progress.BytesTotal
                    : 0;
        }
    }

    /// <summary>Why it could not be loaded; null where that is not so.</summary>
    public Exception? Error => _loaded.Task.Exception?.InnerException;

    /// <summary>Answers conversations; its <see cref="ChatEngine.Engine"/> goes on with texts.</summary>
    /// <exception cref="InvalidOperationException">It is not loaded.</exception>
    public ChatEngine Chat => Loaded.Chat;

    /// <summary>Waits until it is loaded.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What <see cref="Chat"/> is.</returns>
    /// <exception cref="HadalException">It could not be loaded.</exception>
    /// <exception cref="OperationCanceledException">The waiting or the application was ended.</exception>
    public async Task<ChatEngine> WaitUntilLoadedAsync(
        CancellationToken cancellationToken = default
    ) => (await _loaded.Task.WaitAsync(cancellationToken)).Chat;

    /// <summary>How tokens are chosen where a request doesn't say.</summary>
    internal SamplingOptions Sampling => Loaded.Sampling;

    /// <summary>Tells configurations apart that may answer otherwise.</summary>
    internal string Fingerprint => Loaded.Fingerprint;

    private LoadedModel Loaded =>
        _loaded.Task.IsCompletedSuccessfully
            ? _loaded.Task.Result
            : throw new InvalidOperationException($"The model {Name} is not loaded");

    internal void Report(LoadProgress progress)
    {
        lock (_lock)
            _progress = progress;
    }

    internal void Complete(LoadedModel loaded)
    {
        lock (_lock)
        {
            _loaded.SetResult(loaded);
            if (_state == HadalState.Loading)
                _state = HadalState.Ready;
        }
    }

    internal void Fail(Exception error)
    {
        lock (_lock)
        {
            _loaded.SetException(error);
            // Who waits for it may be nobody.
            _ = _loaded.Task.Exception;
            if (_state == HadalState.Loading)
                _state = HadalState.Failed;
        }
    }

    internal void Drain()
    {
        lock (_lock)
            _state = HadalState.Draining;
    }
}
