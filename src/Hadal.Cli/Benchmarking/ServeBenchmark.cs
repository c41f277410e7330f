using System.CommandLine;
using System.Globalization;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Model;
using Hadal.Tokenization;
using Spectre.Console;

namespace Hadal.Cli.Benchmarking;

/// <summary><c>hadal bench --serve</c>: what requests at the same time get of the engine.</summary>
internal sealed class ServeBenchmark
{
    private const int MostConcurrent = 1024;

    private readonly Terminal _terminal;
    private readonly Option<bool> _serve = new("--serve")
    {
        Description =
            "Measures requests at the same time instead: tokens a second of all, and the times that a request waits",
    };
    private readonly Option<int[]> _concurrent = new("--concurrent")
    {
        Description = "With --serve: requests at once",
        HelpName = "count",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [1, 4, 16, 64],
    };
    private readonly Option<int[]> _shared = new("--shared")
    {
        Description =
            "With --serve: tokens that all prompts begin with, which are in the cache before the clock starts",
        HelpName = "tokens",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [0, 4096],
    };
    private readonly Option<int> _prompt = new("--prompt-tokens")
    {
        Description = "With --serve: tokens of a prompt beyond the shared ones",
        HelpName = "tokens",
        DefaultValueFactory = _ => 64,
    };
    private readonly Option<int> _generate = new("--generate")
    {
        Description = "With --serve: tokens generated for a request",
        HelpName = "tokens",
        DefaultValueFactory = _ => 32,
    };
    private readonly Option<int> _requests = new("--requests")
    {
        Description = "With --serve: requests, one after another, of each of those at once",
        HelpName = "count",
        DefaultValueFactory = _ => 2,
    };

    private readonly DraftArgument _drafts;

    public ServeBenchmark(Terminal terminal, Command command)
    {
        _terminal = terminal;
        _concurrent.MustBeFrom(1, MostConcurrent);
        _shared.MustBeFrom(0, 1 << 24);
        _prompt.MustBeFrom(1, 1 << 24);
        _generate.MustBeFrom(1, 1 << 24);
        _requests.MustBeFrom(1, 1 << 20);
        command.Add(_serve);
        command.Add(_concurrent);
        command.Add(_shared);
        command.Add(_prompt);
        command.Add(_generate);
        command.Add(_requests);
        _drafts = new DraftArgument(command);
    }

    public bool IsAskedFor(ParseResult result) => result.GetValue(_serve);

    /// <param name="result">The command line.</param>
    /// <param name="checkpoint">The model's.</param>
    /// <param name="device">What it runs on.</param>
    /// <param name="options">How it is loaded, but for the sizes of steps.</param>
    /// <param name="isJson">Whether the figures are shown as JSON.</param>
    /// <param name="cancellationToken">Gives all requests up.</param>
    public async Task RunAsync(
        ParseResult result,
        Checkpoint checkpoint,
        Device device,
        ModelOptions options,
        bool isJson,
        CancellationToken cancellationToken
    )
    {
        int[] concurrent = [.. result.GetValue(_concurrent)!.Distinct().Order()];
        int[] shared = [.. result.GetValue(_shared)!.Distinct().Order()];
        int context = shared[^1] + result.GetValue(_prompt) + result.GetValue(_generate);
        if (context > checkpoint.Config.MaxPositionEmbeddings)
            throw new UsageException(
                $"--shared, --prompt-tokens and --generate are {context} tokens together; the model's longest context is {checkpoint.Config.MaxPositionEmbeddings}"
            );
        using DeepSeekModel model = DeepSeekModel.Load(
            checkpoint,
            device,
            _drafts.Model(
                result,
                checkpoint.Config,
                options with
                {
                    MaxContextTokens = context,
                    MaxSequences = concurrent[^1],
                    MaxLogitRows = concurrent[^1] * (1 + _drafts.Most(result)),
                }
            ),
            cancellationToken: cancellationToken
        );
        // The ids are random; what their text is doesn't matter.
        string folder = checkpoint.Folder;
        var tokenizer = DeepSeekTokenizer.Load(
            File.Exists(Path.Combine(folder, "tokenizer.json")) ? folder : EmbeddedModel.Find()
        );
        var sweep = new ServeSweep(model, tokenizer)
        {
            PromptTokens = result.GetValue(_prompt),
            GeneratedTokens = result.GetValue(_generate),
            Requests = result.GetValue(_requests),
            Drafts = _drafts.Count(result),
        };
        List<ServeCost> costs = [];
        // The first measurement pays for compiling what it runs, and doesn't count.
        _ = await sweep.MeasureAsync(1, 0, cancellationToken).ConfigureAwait(false);
        foreach (int tokens in shared)
        {
            foreach (int count in concurrent)
                costs.Add(
                    await sweep.MeasureAsync(count, tokens, cancellationToken).ConfigureAwait(false)
                );
        }
        if (isJson)
            ShowJson(costs, device);
        else
            Show(costs);
    }

    private void ShowJson(List<ServeCost> costs, Device device) =>
        _terminal.ShowJson(json =>
        {
            json.WriteStartArray("results");
            foreach (ServeCost cost in costs)
            {
                json.WriteStartObject();
                json.WriteNumber("concurrent", cost.Concurrent);
                json.WriteNumber("shared_tokens", cost.SharedTokens);
                json.WriteFinite("tokens_per_second", cost.TokensPerSecond);
                json.WriteFinite("first_token_ms", cost.FirstToken.TotalMilliseconds);
                json.WriteFinite("inter_token_p50_ms", cost.Median.TotalMilliseconds);
                json.WriteFinite("inter_token_p99_ms", cost.Slowest.TotalMilliseconds);
                json.WriteFinite("accepted_drafts", cost.Accepted);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteString("device", device.Name);
            json.WriteString("isa", device.Isa);
            json.WriteNumber("threads", device.ThreadCount);
        });

    private void Show(List<ServeCost> costs)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("requests at once", c => c.RightAligned())
            .AddColumn("shared tokens", c => c.RightAligned())
            .AddColumn("tok/s of all", c => c.RightAligned())
            .AddColumn("first token ms", c => c.RightAligned())
            .AddColumn("between tokens ms, median", c => c.RightAligned())
            .AddColumn("99 %", c => c.RightAligned())
            .AddColumn("drafts right", c => c.RightAligned());
        foreach (ServeCost cost in costs)
        {
            table.AddRow(
                Number(cost.Concurrent, "0"),
                Number(cost.SharedTokens, "0"),
                Number(cost.TokensPerSecond, "0.0"),
                Number(cost.FirstToken.TotalMilliseconds, "0"),
                Number(cost.Median.TotalMilliseconds, "0.0"),
                Number(cost.Slowest.TotalMilliseconds, "0.0"),
                double.IsNaN(cost.Accepted) ? "-" : Number(cost.Accepted, "0.0 %")
            );
        }
        _terminal.Show(table);
    }

    private static string Number(double value, string format) =>
        value.ToString(format, CultureInfo.InvariantCulture);
}
