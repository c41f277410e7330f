using Hadal.Server.Tenants;
using Microsoft.AspNetCore.Http;
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
    private int _texts;

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
            Reserve(tenant, 1);
            var slot = new RequestSlot(this, tenant, aborted);
            _slots.Add(slot);
            return slot;
        }
    }

    /// <summary>Counts a request as several, as it makes several texts.</summary>
    /// <param name="slot">The request's.</param>
    /// <param name="texts">How many.</param>
    /// <exception cref="ApiException">As many are under way as may, of all or of the tenant, or it alone makes more.</exception>
    public void Widen(RequestSlot slot, int texts)
    {
        int most = Math.Min(_limit, slot.Tenant.MaxRequests);
        if (texts > most)
            throw new ApiException(
                StatusCodes.Status400BadRequest,
                $"The request makes {texts} texts, more than the {most} that may be under way and waiting; ask for fewer"
            );
        lock (_lock)
        {
            Reserve(slot.Tenant, texts - slot.Texts);
            slot.Texts = texts;
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
            _texts -= slot.Texts;
            _counts[slot.Tenant] -= slot.Texts;
            if (_counts[slot.Tenant] == 0)
                _counts.Remove(slot.Tenant);
            if (_slots.Count == 0)
                _empty?.TrySetResult();
        }
    }

    private void Reserve(Tenant tenant, int texts)
    {
        int count = _counts.GetValueOrDefault(tenant);
        if (_texts + texts > _limit)
            throw ApiException.Full(_limit);
        if (count + texts > tenant.MaxRequests)
            throw ApiException.TooMany(
                $"The key '{tenant.Name}' may have {tenant.MaxRequests} requests under way and waiting, and has {count}; try again later",
                "key_limit",
                1
            );
        tenant.CountRequests(texts);
        _texts += texts;
        _counts[tenant] = count + texts;
    }
}
