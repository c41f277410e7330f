using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Answering;

/// <summary>Engines over the random chat models, and what is asked of them.</summary>
public sealed class ChatEngines : IDisposable
{
    /// <summary>A tool with parameters of many types, each bounded, so that a random model's calls end.</summary>
    public const string Weather = """
        {"name": "get_weather", "description": "Tells the weather", "parameters": {"type": "object", "properties": {
          "city": {"type": "string", "maxLength": 8}, "days": {"type": "integer", "minimum": 1, "maximum": 9},
          "unit": {"enum": ["celsius", "fahrenheit"]},
          "place": {"type": "object", "properties": {"lat": {"type": "integer", "minimum": -90, "maximum": 90}, "names": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2}}, "required": ["lat", "names"], "additionalProperties": false}},
          "required": ["city", "days", "unit", "place"], "additionalProperties": false}}
        """;

    /// <summary>A tool with a single parameter.</summary>
    public const string Time = """
        {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}, "required": ["zone"]}}
        """;

    private readonly ChatModels _models = new();
    private readonly Dictionary<
        ChatFormat,
        (DeepSeekModel Model, InferenceEngine Engine)
    > _engines = [];

    public void Dispose()
    {
        foreach ((DeepSeekModel model, InferenceEngine engine) in _engines.Values)
        {
            engine.Dispose();
            model.Dispose();
        }
        _models.Dispose();
    }

    /// <summary>An engine that all tests of a class share.</summary>
    public InferenceEngine Of(ChatFormat format)
    {
        if (!_engines.TryGetValue(format, out var known))
        {
            string folder = format == ChatFormat.V32 ? _models.V32 : _models.V31;
            DeepSeekModel model = ChatModels.Load(folder);
            known = (
                model,
                new InferenceEngine(
                    model,
                    DeepSeekTokenizer.Load(folder),
                    new EngineOptions { CacheTokens = ChatModels.ContextTokens }
                )
            );
            _engines.Add(format, known);
        }
        return known.Engine;
    }

    public static ToolDefinition Tool(string json) => new(JsonDocument.Parse(json).RootElement);

    public static ChatConversation Ask(params string[] tools) =>
        new() { Turns = [ChatTurn.User("Who's there?")], Tools = [.. tools.Select(Tool)] };

    /// <summary>Random draws, which end after so many tokens at the latest.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="tokens">The most tokens.</param>
    /// <param name="likely">Texts of tokens that come soon; an empty one is EOS.</param>
    public static GenerationOptions Draw(
        InferenceEngine engine,
        ulong seed,
        int tokens = 400,
        params string[] likely
    ) =>
        new()
        {
            Sampling = new SamplingOptions
            {
                Temperature = 1,
                Seed = seed,
                LogitBias = likely.ToDictionary(mark => Id(engine, mark), _ => 5f),
            },
            Stop = new StopConditions { MaxTokens = tokens },
        };

    public static int Id(InferenceEngine engine, string mark)
    {
        if (mark.Length == 0)
            return engine.Tokenizer.EosId;
        return engine.Tokenizer.TryGetAddedToken(mark, out int id)
            ? id
            : Assert.Single(engine.Tokenizer.Encode(mark, addSpecialTokens: false));
    }
}
