using Hadal.Tests.Model;

namespace Hadal.Tests.Server;

/// <summary>A server of a random model in V3.2's format, loaded as applications load it.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private readonly ChatModels _models = new();

    internal ServerApp App { get; private set; } = null!;

    internal string Folder => _models.V32;

    public async ValueTask InitializeAsync() =>
        App = await ServerApp.StartAsync(
            _models.V32,
            configure: options =>
            {
                options.Threads = 2;
                options.CacheTokens = ChatModels.ContextTokens;
            }
        );

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _models.Dispose();
    }
}
