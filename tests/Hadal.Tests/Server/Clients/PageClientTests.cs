using System.Text.Json;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Server;
using Hadal.Server.Page;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Server.Clients;

/// <summary>The page in a browser, as <c>tests/clients/page.test.mjs</c> uses it.</summary>
public sealed class PageClientTests : IDisposable
{
    private const string Hostile =
        "</script><!--<script><img src=x onerror=\"window.hostile = true\">";

    private readonly ChatModels _models = new();
    private readonly TemporaryFolder _folder = new();
    private readonly DeepSeekModel _model;
    private readonly InferenceEngine _engine;

    public PageClientTests()
    {
        _model = ChatModels.Load(_models.V32);
        _engine = new InferenceEngine(
            _model,
            DeepSeekTokenizer.Load(_models.V32),
            new EngineOptions { CacheTokens = ChatModels.ContextTokens }
        );
    }

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
        _models.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_works_in_a_browser()
    {
        string browser =
            Environment.GetEnvironmentVariable("HADAL_CHROMIUM") ?? "/usr/bin/chromium";
        Requirement.Check(
            File.Exists(browser),
            isExpected: IsDebian,
            $"there is no {browser}; install Debian's chromium, or set HADAL_CHROMIUM"
        );
        await using ServerApp app = await StartAsync(options =>
        {
            options.ModelName = Hostile;
            options.RecordSelection = true;
        });
        await using ServerApp locked = await StartAsync(options => options.ApiKey = "right-key");
        string trace = _folder.File("trace.html");
        await File.WriteAllBytesAsync(
            trace,
            TracePage.Make(WriteTrace),
            TestContext.Current.CancellationToken
        );
        await NodeScript.RunAsync(
            "page.test.mjs",
            app.Client.BaseAddress!,
            ("HADAL_CHROMIUM", browser),
            ("HADAL_LOCKED_URL", locked.Client.BaseAddress!.ToString()),
            ("HADAL_HOSTILE", Hostile),
            ("HADAL_PLAIN", PlainTokens.Json(_engine.Tokenizer)),
            ("HADAL_TRACE", trace)
        );
    }

    private static bool IsDebian()
    {
        const string release = "/etc/os-release";
        return File.Exists(release) && File.ReadLines(release).Contains("ID=debian");
    }

    private Task<ServerApp> StartAsync(Action<HadalOptions> configure) =>
        ServerApp.StartAsync(_models.V32, _engine, configure);

    /// <summary>Two tokens of a prompt, and one after them: layer 0 chose position 1, layer 3 both.</summary>
    private static void WriteTrace(Utf8JsonWriter json)
    {
        json.WriteString("title", Hostile);
        json.WriteNumber("top_k", 64);
        Write("layers", 0, 3);
        Write("prompt", "a", Hostile);
        json.WriteStartArray("tokens");
        json.WriteStartObject();
        json.WriteString("token", Hostile);
        json.WriteNumber("position", 2);
        json.WriteStartArray("chosen");
        Write(null, 1);
        Write(null, 0, 1);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();

        void Write(string? name, params object[] values)
        {
            if (name is not null)
                json.WritePropertyName(name);
            JsonSerializer.Serialize(json, values);
        }
    }
}
