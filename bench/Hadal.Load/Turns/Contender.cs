namespace Hadal.Load.Turns;

/// <summary>One of those that are measured by turns.</summary>
internal abstract class Contender(string name) : IAsyncDisposable
{
    /// <summary>What results call it.</summary>
    public string Name => name;

    /// <summary>Is ready when it returns.</summary>
    public abstract Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Measures it once.</summary>
    /// <param name="connections">Clients at once.</param>
    /// <param name="turn">Which turn; each has prompts of its own, which no cache knows.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public abstract Task<TurnCost> MeasureAsync(
        int connections,
        int turn,
        CancellationToken cancellationToken
    );

    public abstract ValueTask DisposeAsync();
}
