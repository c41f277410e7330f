using Hadal.Answering;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Server.Loading;
using Hadal.Tests.Answering;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Server.Messages;

/// <summary>
/// A server of a random model in V3.2's format. Where a request doesn't say how tokens are chosen, they are drawn from one seed, and
/// thoughts and answers end soon.
/// </summary>
public sealed class MessagesFixture : IAsyncLifetime
{
    private readonly ChatModels _models = new();

    internal ServerApp App { get; private set; } = null!;

    internal SamplingOptions Sampling { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        DeepSeekModel model = ChatModels.Load(_models.V32);
        var engine = new InferenceEngine(
            model,
            DeepSeekTokenizer.Load(_models.V32),
            new EngineOptions { CacheTokens = ChatModels.ContextTokens }
        );
        Sampling = new SamplingOptions
        {
            Temperature = 1,
            Seed = 5,
            LogitBias = new Dictionary<int, float>
            {
                [ChatEngines.Id(engine, "</think>")] = 5,
                [engine.Tokenizer.EosId] = 3,
            },
        };
        App = await ServerApp.StartAsync(
            _models.V32,
            _ => new LoadedModel(new ChatEngine(engine), Sampling, engine, model)
        );
        await App.Model.WaitUntilLoadedAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _models.Dispose();
    }
}
