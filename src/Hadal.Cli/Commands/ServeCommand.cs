using System.CommandLine;
using System.Globalization;
using System.Net;
using Hadal.Cli.Arguments;
using Hadal.Cli.Serving;
using Hadal.Server;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal serve</c>: OpenAI's and Anthropic's HTTP APIs over a checkpoint.</summary>
internal sealed class ServeCommand : Command
{
    private readonly Terminal _terminal;
    private readonly ModelArguments _model;
    private readonly Option<string?> _name = new("--model-name")
    {
        Description = "What clients call the model; without it, the folder's name",
        HelpName = "name",
    };
    private readonly Option<int> _port = new("--port", "-p")
    {
        Description = "The port; 0 takes a free one",
        HelpName = "number",
        DefaultValueFactory = _ => 8000,
    };
    private readonly Option<string> _host = new("--host")
    {
        Description =
            "The address to listen at; 0.0.0.0 or :: for all of the machine's, which needs a key (--api-key, HADAL_API_KEY or --api-keys) or --no-auth",
        HelpName = "address",
        DefaultValueFactory = _ => "127.0.0.1",
    };
    private readonly Option<string?> _key = new("--api-key")
    {
        Description =
            "The key that requests must have; others see it in the list of processes, so better set HADAL_API_KEY",
        HelpName = "key",
    };
    private readonly Option<FileInfo?> _keys = new("--api-keys")
    {
        Description =
            "A JSON file of keys, each of a tenant with limits and a cache of its own; see the README",
        HelpName = "file",
    };
    private readonly Option<bool> _noAuth = new("--no-auth")
    {
        Description =
            "Answers whoever can reach the address, without a key, whatever HADAL_API_KEY and the configuration say",
    };
    private readonly Option<string[]> _origins = new("--cors-origin")
    {
        Description =
            "An origin whose web pages may ask and read, as https://app.example, or * for all; may be repeated",
        HelpName = "origin",
    };
    private readonly Option<int?> _drain = new("--drain-seconds")
    {
        Description = "How long running answers may go on when the server is told to stop; 30",
        HelpName = "seconds",
    };
    private readonly ServingArguments _serving;
    private readonly Option<int?> _queue = new("--max-queued")
    {
        Description = "Requests that may wait; one more is refused with status 429; 256",
        HelpName = "count",
    };

    private readonly Option<bool> _noPage = new("--no-page")
    {
        Description = "Serves the API alone, without the page to chat on at /",
    };
    private readonly Option<bool> _record = new("--record-selection")
    {
        Description =
            "Lets requests ask which tokens sparse attention chose for each generated one; the page shows it",
    };

    public ServeCommand(Terminal terminal)
        : base(
            "serve",
            "Serves a checkpoint with OpenAI's and Anthropic's HTTP APIs; appsettings.json and Hadal__* set the rest"
        )
    {
        _terminal = terminal;
        _port.MustBeFrom(0, IPEndPoint.MaxPort);
        _drain.MustBeFrom(0, 86400);
        _queue.MustBeFrom(1, 1 << 20);
        _model = new ModelArguments(this);
        Option[] options =
        [
            _name,
            _host,
            _port,
            _key,
            _keys,
            _noAuth,
            _origins,
            _queue,
            _drain,
            _noPage,
            _record,
        ];
        foreach (Option option in options)
            Add(option);
        _serving = new ServingArguments(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string folder = _model.Folder(result);
        var endpoint = new IPEndPoint(ReadHost(result), result.GetValue(_port));
        string? key = result.GetValue(_key) ?? Environment.GetEnvironmentVariable("HADAL_API_KEY");
        bool isOpen = result.GetValue(_noAuth);
        if (isOpen && (result.GetValue(_key) is not null || result.GetValue(_keys) is not null))
            throw new UsageException(
                "--no-auth contradicts --api-key and --api-keys; give keys or none"
            );
        await ServeApp
            .RunAsync(
                _terminal,
                endpoint,
                isOpen,
                options =>
                {
                    options.Model = folder;
                    options.ApiKey = isOpen ? null : key ?? options.ApiKey;
                    options.ApiKeysFile = isOpen
                        ? null
                        : result.GetValue(_keys)?.FullName ?? options.ApiKeysFile;
                    Configure(result, options);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return 0;
    }

    /// <summary>What the command line says; the rest stays as the configuration has it.</summary>
    private void Configure(ParseResult result, HadalOptions options)
    {
        options.ModelName = result.GetValue(_name) ?? options.ModelName;
        _serving.Configure(result, options);
        options.MaxQueuedRequests = result.GetValue(_queue) ?? options.MaxQueuedRequests;
        foreach (string origin in result.GetValue(_origins) ?? [])
            options.AllowedOrigins.Add(origin);
        options.Page &= !result.GetValue(_noPage);
        options.RecordSelection |= result.GetValue(_record);
        if (result.GetValue(_drain) is { } seconds)
            options.DrainTime = TimeSpan.FromSeconds(seconds);
    }

    private IPAddress ReadHost(ParseResult result)
    {
        string host = result.GetValue(_host)!;
        if (host == "localhost")
            return IPAddress.Loopback;
        return IPAddress.TryParse(host, out IPAddress? address)
            ? address
            : throw new UsageException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"--host is '{host}'; it must be localhost or an IP address"
                )
            );
    }
}
