using System.Text.Json.Nodes;
using Hadal.Cli.Synthesis;
using Hadal.Model;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>
/// Small checkpoints of random weights whose tokenizers have all marks of a chat with tools: the embedded model's tokenizer with
/// more added tokens. Each is written when it is first asked for, and has a predictor and a context of
/// <see cref="ContextTokens"/>.
/// </summary>
public sealed class ChatModels : IDisposable
{
    public const int ContextTokens = 8192;

    /// <summary>Rows of the embedding: more than the tokenizers have tokens.</summary>
    public const int VocabularySize = 2176;

    private const string ToolTokens =
        "<｜tool▁calls▁begin｜> <｜tool▁calls▁end｜> <｜tool▁call▁begin｜> <｜tool▁call▁end｜> <｜tool▁sep｜> "
        + "<｜tool▁outputs▁begin｜> <｜tool▁outputs▁end｜> <｜tool▁output▁begin｜> <｜tool▁output▁end｜>";

    /// <summary>As much of V3.1's template as tells it from others.</summary>
    private const string V31Template =
        "{{'<｜User｜>'}}{{'<｜Assistant｜>'}}{%- if not thinking %}{{'</think>'}}{%- else %}{{'<think>'}}{%- endif %}";

    private readonly TemporaryFolder _parent = new();
    private readonly Lazy<string> _v32;
    private readonly Lazy<string> _v31;

    public ChatModels()
    {
        _v32 = new Lazy<string>(() => Write("v32", _ => { }, "｜DSML｜", template: null));
        _v31 = new Lazy<string>(() =>
            Write("v31", WithoutIndexer, ToolTokens, template: V31Template)
        );
    }

    /// <summary>The folder of a DeepSeek-V3.2: no chat template, and a token <c>｜DSML｜</c>.</summary>
    public string V32 => _v32.Value;

    /// <summary>The folder of a DeepSeek-V3.1: its chat template, and the tokens of its tool calls.</summary>
    public string V31 => _v31.Value;

    /// <summary>Loads one of them with its predictor.</summary>
    public static DeepSeekModel Load(string folder) =>
        DeepSeekModel.Load(
            folder,
            Device.Cpu(),
            new ModelOptions { LoadPredictor = true },
            cancellationToken: TestContext.Current.CancellationToken
        );

    public void Dispose() => _parent.Dispose();

    private string Write(
        string name,
        Action<JsonObject> change,
        string addedTokens,
        string? template
    )
    {
        string folder = _parent.File(name);
        Directory.CreateDirectory(folder);
        JsonObject config = Read("config.json");
        config["vocab_size"] = VocabularySize;
        config["num_hidden_layers"] = 2;
        config["max_position_embeddings"] = ContextTokens;
        config["rope_scaling"]!["original_max_position_embeddings"] = ContextTokens / 4;
        change(config);
        var checkpoint = new RandomCheckpoint(Bytes(config), long.MaxValue);
        checkpoint.Write(folder, static _ => { }, CancellationToken.None);

        JsonObject tokenizer = Read("tokenizer.json");
        JsonArray added = tokenizer["added_tokens"]!.AsArray();
        foreach (string token in addedTokens.Split(' '))
        {
            JsonNode next = added[^1]!.DeepClone();
            next["id"] = added[^1]!["id"]!.GetValue<int>() + 1;
            next["content"] = token;
            added.Add(next);
        }
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.json"), Bytes(tokenizer));
        JsonObject tokenizerConfig = Read("tokenizer_config.json");
        tokenizerConfig["chat_template"] = template;
        File.WriteAllBytes(Path.Combine(folder, "tokenizer_config.json"), Bytes(tokenizerConfig));
        return folder;
    }

    private static void WithoutIndexer(JsonObject config)
    {
        config["model_type"] = "deepseek_v3";
        config["architectures"] = new JsonArray("DeepseekV3ForCausalLM");
        foreach (string field in (string[])["index_head_dim", "index_n_heads", "index_topk"])
            config.Remove(field);
    }

    private static JsonObject Read(string file) =>
        JsonNode.Parse(File.ReadAllBytes(Path.Combine(Paths.EmbeddedModel, file)))!.AsObject();

    private static byte[] Bytes(JsonObject json) =>
        System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
}
