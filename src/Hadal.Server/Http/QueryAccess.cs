namespace Hadal.Server.Http;

/// <summary>Who may ask something that is not the model's to answer.</summary>
internal enum QueryAccess
{
    /// <summary>Whoever reaches the server.</summary>
    Anybody,

    /// <summary>Who has a key, where there are keys.</summary>
    Tenants,

    /// <summary>Who has a key that is for the metrics, where there are keys.</summary>
    Metrics,
}
