using Hadal.Server.Tenants;

namespace Hadal.Server.Http;

/// <summary>A request under way.</summary>
internal sealed class RequestSlot : IDisposable
{
    private readonly RequestGate _gate;
    private readonly CancellationTokenSource _cancellation;
    private volatile Func<bool> _hasBegun = static () => false;
    private volatile ApiException? _refusal;

    public RequestSlot(RequestGate gate, Tenant tenant, CancellationToken aborted)
    {
        _gate = gate;
        Tenant = tenant;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        Cancellation = _cancellation.Token;
    }

    /// <summary>Whose it is.</summary>
    public Tenant Tenant { get; }

    /// <summary>As how many requests it counts; the gate's to change.</summary>
    public int Texts { get; set; } = 1;

    /// <summary>Is cancelled when the client goes away, and when the request is refused.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Why it was refused after it was taken in; null where it was not.</summary>
    public ApiException? Refusal => _refusal;

    /// <summary>Whether the model works on it.</summary>
    public bool HasBegun => _hasBegun();

    /// <summary>Says how to find out whether the model works on it.</summary>
    public void Watch(Func<bool> hasBegun) => _hasBegun = hasBegun;

    /// <summary>Ends it.</summary>
    public void Refuse(ApiException refusal)
    {
        _refusal ??= refusal;
        try
        {
            _cancellation.Cancel();
        }
        // It ended meanwhile.
        catch (ObjectDisposedException) { }
    }

    public void Dispose()
    {
        _gate.Leave(this);
        _cancellation.Dispose();
    }
}
