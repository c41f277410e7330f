using System.CommandLine;
using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Tokenization;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal render</c>: the exact prompt of a chat request.</summary>
internal sealed class RenderCommand : Command
{
    private const string StandardInput = "-";
    private const int MaxLength = 1 << 26;

    private readonly Terminal _terminal;
    private readonly ModelArguments _model;
    private readonly ChatFormatArgument _format;
    private readonly Argument<string> _file = new("file")
    {
        Description =
            "A request of OpenAI's chat completions, as JSON in UTF-8; without it, or as -, the standard input",
        DefaultValueFactory = _ => StandardInput,
    };
    private readonly Option<bool> _ids = new("--ids")
    {
        Description = "Writes the prompt's token ids, by the checkpoint's tokenizer",
    };

    public RenderCommand(Terminal terminal)
        : base("render", "Shows the exact prompt of a chat request")
    {
        _terminal = terminal;
        Add(_file);
        _model = new ModelArguments(this);
        _format = new ChatFormatArgument(this);
        Add(_ids);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string file = result.GetRequiredValue(_file);
        ChatConversation conversation = await ReadAsync(file, cancellationToken)
            .ConfigureAwait(false);
        if (!result.GetValue(_ids) && _format.Named(result) is { } named)
        {
            _terminal.WriteText(named.Render(conversation));
            return;
        }
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(_model.Folder(result));
        ChatTemplate template = _format.Template(result, tokenizer);
        if (!result.GetValue(_ids))
        {
            _terminal.WriteText(template.Render(conversation));
            return;
        }
        ChatPrompt prompt = template.Encode(tokenizer, conversation, cancellationToken);
        await _terminal
            .Output.WriteLineAsync(string.Join(' ', prompt.Ids.ToArray()))
            .ConfigureAwait(false);
    }

    private async Task<ChatConversation> ReadAsync(string file, CancellationToken cancellationToken)
    {
        TextReader? input = null;
        if (file == StandardInput)
            input =
                _terminal.Piped
                ?? throw new UsageException(
                    "<file> is missing: give it as the argument, or the request on the standard input"
                );
        // Where a pipe gives nothing, reading can't be cancelled: it is left behind.
        string json = await Task.Run(
                () =>
                    input is null
                        ? Encoding
                            .UTF8.GetString(SmallFile.Read(file, MaxLength))
                            .TrimStart('\uFEFF')
                        : input.ReadToEnd(),
                CancellationToken.None
            )
            .WaitAsync(cancellationToken)
            .ConfigureAwait(false);
        try
        {
            using var request = JsonDocument.Parse(json);
            return ChatRequestJson.Read(request.RootElement);
        }
        catch (JsonException e)
        {
            string name = input is null ? file : "the standard input";
            throw new HadalException($"{name} is not JSON: {e.Message}", e);
        }
    }
}
