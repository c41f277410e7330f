using System.CommandLine;
using System.Globalization;
using Hadal.Cli.Arguments;
using Hadal.Cli.Batching;
using Hadal.Cli.Posix;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal batch</c>: the requests of a file, answered into another.</summary>
internal sealed class BatchCommand : Command
{
    private readonly Terminal _terminal;
    private readonly Argument<FileInfo> _input = new("input")
    {
        Description =
            "The requests, a line of JSON each in OpenAI's batch format: custom_id, method, url, body",
    };
    private readonly Argument<FileInfo> _output = new("output")
    {
        Description =
            "Takes the answers, as they come; where an interrupted batch left some, the rest is added",
    };
    private readonly ModelArguments _model;
    private readonly ServingArguments _serving;

    public BatchCommand(Terminal terminal)
        : base(
            "batch",
            "Answers a file of requests as the server would, without a network, with all of the engine's places busy"
        )
    {
        _terminal = terminal;
        Add(_input);
        Add(_output);
        _model = new ModelArguments(this);
        _serving = new ServingArguments(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string folder = _model.Folder(result);
        FileInfo input = result.GetValue(_input)!;
        string path = result.GetValue(_output)!.FullName;
        if (!input.Exists || !FileIdentity.IsRegularOrMissing(input.FullName))
            throw new UsageException($"<input>: there is no plain file {input.FullName}");
        if (FileIdentity.AreSame(input.FullName, path))
            throw new UsageException("<input> and <output> are one file; give another output");
        using BatchOutput output = await BatchOutput
            .OpenAsync(path, cancellationToken)
            .ConfigureAwait(false);
        OfflineApi api = await OfflineApi
            .StartAsync(
                options =>
                {
                    options.Model = folder;
                    _serving.Configure(result, options);
                },
                addServices: null,
                cancellationToken
            )
            .ConfigureAwait(false);
        await using (api.ConfigureAwait(false))
        {
            var run = new BatchRun(api, new BatchInput(input.FullName, api.MaxBodyBytes), output);
            await ShowAsync(input, run, output, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ShowAsync(
        FileInfo input,
        BatchRun run,
        BatchOutput output,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await ProgressBar
                .ShowAsync(
                    _terminal,
                    Printable.Line(input.Name),
                    input.Length,
                    progress => run.RunAsync(progress, cancellationToken)
                )
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await WriteAsync("; stopped: the same command goes on with the rest")
                .ConfigureAwait(false);
            throw;
        }
        await WriteAsync("").ConfigureAwait(false);
        if (run.Failed > 0)
            throw new HadalException(
                $"lines that the engine failed at: {run.Failed}; the same command tries them again"
            );

        Task WriteAsync(string more) =>
            _terminal.Error.WriteLineAsync(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{run.Answered} answered, {run.Refused} refused, {output.LinesBefore} done before{more}"
                )
            );
    }
}
