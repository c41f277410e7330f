using Hadal.Answering;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;
using Microsoft.Extensions.Logging;

namespace Hadal.Server.Loading;

/// <summary>Loads what the options say.</summary>
internal class ModelSource(ILoggerFactory loggers)
{
    /// <exception cref="HadalException">It can't be had; the message says why.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public virtual LoadedModel Load(
        HadalOptions options,
        IProgress<LoadProgress> progress,
        CancellationToken cancellationToken
    )
    {
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(options.Model);
        SamplingOptions sampling = Defaults(GenerationConfig.Read(options.Model));
        _ = DeviceName.TryParse(options.Device, out DeviceName name);
        var owned = new Stack<IDisposable>();
        try
        {
            Device device = name.Open(options.Threads);
            owned.Push(device);
            DeepSeekModel model = DeepSeekModel.Load(
                options.Model,
                device,
                options.ForModel(),
                progress,
                cancellationToken
            );
            owned.Push(model);
            var engine = new InferenceEngine(model, tokenizer, options.ForEngine(loggers));
            owned.Push(engine);
            return new LoadedModel(
                new ChatEngine(engine, options.Template()),
                sampling,
                [.. owned]
            );
        }
        catch
        {
            while (owned.TryPop(out IDisposable? one))
                one.Dispose();
            throw;
        }
    }

    /// <summary>What the checkpoint recommends; where it doesn't say to sample, OpenAI's defaults.</summary>
    private static SamplingOptions Defaults(GenerationConfig config) =>
        config.Sampling is { Temperature: > 0 } recommended
            ? recommended
            : config.Sampling with
            {
                Temperature = 1,
            };
}
