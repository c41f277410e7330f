using Hadal.Inference;
using Hadal.Model;
using Hadal.Server;
using Hadal.Tests.Inference;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Server;

/// <summary>Servers of an engine that makes a step only when it is told to.</summary>
public sealed class HeldEngine : IDisposable
{
    private readonly ChatModels _models = new();
    private readonly DeepSeekModel _model;
    private readonly DeepSeekTokenizer _tokenizer;

    public HeldEngine()
    {
        _model = ChatModels.Load(_models.V32);
        _tokenizer = DeepSeekTokenizer.Load(_models.V32);
    }

    internal string Folder => _models.V32;

    /// <summary>An engine that stands still.</summary>
    internal InferenceEngine NewEngine(
        int mostQueued = 64,
        int cacheTokens = ChatModels.ContextTokens
    ) =>
        Engines.Stepped(
            _model,
            _tokenizer,
            cacheTokens,
            new EngineOptions { MaxQueuedRequests = mostQueued }
        );

    /// <summary>A server of such an engine.</summary>
    internal Task<ServerApp> ServeAsync(
        InferenceEngine engine,
        Action<HadalOptions>? configure = null
    ) => ServerApp.StartAsync(_models.V32, engine, configure);

    public void Dispose()
    {
        _model.Dispose();
        _models.Dispose();
    }
}
