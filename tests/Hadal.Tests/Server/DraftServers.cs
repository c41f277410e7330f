using System.Globalization;

namespace Hadal.Tests.Server;

/// <summary>Two servers of the embedded model, whose predictor is trained: one guesses tokens ahead, one does not.</summary>
public sealed class DraftServers : IAsyncLifetime
{
    /// <summary>The server without drafts.</summary>
    internal ServerApp Plain { get; private set; } = null!;

    /// <summary>The server with three drafts.</summary>
    internal ServerApp Drafting { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Plain = await StartAsync("0");
        Drafting = await StartAsync("3");
    }

    public async ValueTask DisposeAsync()
    {
        await Plain.DisposeAsync();
        await Drafting.DisposeAsync();
    }

    /// <summary>Drafts that were right so far, as the metrics tell it.</summary>
    internal async Task<int> AcceptedAsync()
    {
        const string name = "vllm:spec_decode_num_accepted_tokens_total{model_name=\"deep\"} ";
        string metrics = await Drafting.Client.GetStringAsync(
            "/metrics",
            TestContext.Current.CancellationToken
        );
        string line = metrics
            .Split('\n')
            .Single(one => one.StartsWith(name, StringComparison.Ordinal));
        return int.Parse(line[name.Length..], CultureInfo.InvariantCulture);
    }

    private static Task<ServerApp> StartAsync(string drafts) =>
        ServerApp.StartAsync(
            Paths.EmbeddedModel,
            configure: options =>
            {
                options.ChatFormat = "v32";
                options.Drafts = drafts;
                options.Threads = 1;
                options.CacheTokens = 4096;
            }
        );
}
