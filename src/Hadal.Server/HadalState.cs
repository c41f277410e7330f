namespace Hadal.Server;

/// <summary>What a <see cref="HadalModel"/> is doing.</summary>
public enum HadalState
{
    /// <summary>The model is being loaded.</summary>
    Loading,

    /// <summary>Requests are answered.</summary>
    Ready,

    /// <summary>The application stops: running answers end, and no more are taken.</summary>
    Draining,

    /// <summary>The model could not be loaded.</summary>
    Failed,
}
