using Hadal.Server.Tenants;
using Microsoft.Extensions.Options;

namespace Hadal.Server.Http;

/// <summary>The requests under way: bounds them, and ends them when the application stops. Thread-safe.</summary>
internal sealed class RequestGate(IOptions<HadalOptions> options)
{
    private readonly int _limit =
        options.Value.MaxConcurrentRequests + options.Value.MaxQueuedRequests;
    private readonly Lock _lock = new();
    private readonly HashSet<RequestSlot> _slots = [];
    private readonly Dictionary<Tenant, int> _counts = [];
    private TaskCompletionSource? _empty;

    /// <summary>How many are under way.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _slots.Count;
        }
    }

    /// <summary>Takes a request in, until the slot is disposed.</summary>
    /// <param name="tenant">Whose it is.</param>
    /// <param name="aborted">Is cancelled when the client goes away.</param>
    /// <exception cref="ApiException">The application stops, or as many are under way as may, of all or of the tenant.</exception>
    public RequestSlot Enter(Tenant tenant, CancellationToken aborted)
    {
        lock (_lock)
        {
            if (_empty is not null)
                throw ApiException.Draining;
            if (_slots.Count == _limit)
                throw ApiException.Full(_limit);
            int count = _counts.GetValueOrDefault(tenant);
            if (count >= tenant.MaxRequests)
                throw ApiException.TooMany(
                    $"{count} requests of this key are under way or wait, and no more may; try again later",
                    "key_limit",
                    1
                );
            tenant.CountRequest();
            var slot = new RequestSlot(this, tenant, aborted);
            _counts[tenant] = count + 1;
            _slots.Add(slot);
            return slot;
        }
    }

    /// <summary>Takes no more, refuses those that have not begun, and waits for the others.</summary>
    /// <param name="time">How long; then they are ended.</param>
    /// <param name="cancellationToken">Ends them at once.</param>
    public async Task DrainAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        RequestSlot[] slots;
        lock (_lock)
        {
            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_slots.Count == 0)
                _empty.TrySetResult();
            slots = [.. _slots];
        }
        foreach (RequestSlot slot in slots.Where(static slot => !slot.HasBegun))
            slot.Refuse(ApiException.Draining);
        try
        {
            await _empty.Task.WaitAsync(time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            foreach (RequestSlot slot in slots)
                slot.Refuse(ApiException.Draining);
        }
    }

    public void Leave(RequestSlot slot)
    {
        lock (_lock)
        {
            _slots.Remove(slot);
            if (--_counts[slot.Tenant] == 0)
                _counts.Remove(slot.Tenant);
            if (_slots.Count == 0)
                _empty?.TrySetResult();
        }
    }
}
