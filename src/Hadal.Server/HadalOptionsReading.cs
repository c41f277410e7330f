using System.Globalization;
using Hadal.Chat;
using Hadal.Inference;
using Hadal.Model;
using Microsoft.Extensions.Logging;

namespace Hadal.Server;

/// <summary>Options, checked, as the library takes them.</summary>
internal static class HadalOptionsReading
{
    /// <summary>As many drafts as pay.</summary>
    public const string AutoDrafts = "auto";

    /// <summary>What clients call the model.</summary>
    public static string NameOf(this HadalOptions options) =>
        options.ModelName
        ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Model)));

    public static ModelOptions ForModel(this HadalOptions options)
    {
        int drafts = options.DraftCount() ?? EngineOptions.MostDrafts;
        int rows = options.MaxConcurrentRequests * (1 + drafts);
        return new ModelOptions
        {
            Activations = options.Activations,
            PrefillForm = options.Prefill,
            Mapping = options.Mapping,
            MaxContextTokens = options.ContextTokens,
            MaxSequences = options.MaxConcurrentRequests,
            MaxLogitRows = rows,
            // Each answer has a token of its own in every step.
            MaxStepTokens = Math.Max(options.MaxStepTokens, rows),
            LoadPredictor = drafts > 0,
        };
    }

    public static EngineOptions ForEngine(this HadalOptions options, ILoggerFactory loggers) =>
        new()
        {
            CacheTokens = options.CacheTokens,
            MaxQueuedRequests = options.MaxQueuedRequests,
            Drafts = options.DraftCount(),
            LoggerFactory = loggers,
        };

    /// <summary>The chat format that is named; null where none is.</summary>
    public static ChatTemplate? Template(this HadalOptions options) =>
        options.ChatFormat switch
        {
            "v3" => new ChatTemplate(Hadal.Chat.ChatFormat.V3),
            "v31" => new ChatTemplate(Hadal.Chat.ChatFormat.V31),
            "v32" => new ChatTemplate(Hadal.Chat.ChatFormat.V32),
            _ => null,
        };

    private static int? DraftCount(this HadalOptions options) =>
        options.Drafts == AutoDrafts
            ? null
            : int.Parse(options.Drafts, CultureInfo.InvariantCulture);
}
