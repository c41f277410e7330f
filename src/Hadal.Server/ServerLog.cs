using Microsoft.Extensions.Logging;

namespace Hadal.Server;

/// <summary>
/// All that the server logs. In one class: the generator writes several in an order that differs from build to build.
/// </summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "The model {Name} is ready")]
    public static partial void ModelReady(ILogger logger, string name);

    [LoggerMessage(2, LogLevel.Error, "The model {Name} could not be loaded")]
    public static partial void ModelFailed(ILogger logger, string name, Exception error);

    [LoggerMessage(3, LogLevel.Error, "{Path} failed")]
    public static partial void RequestFailed(ILogger logger, string path, Exception error);
}
