using System.CommandLine;
using System.Globalization;
using System.Text;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal generate</c>: goes on with a text, and tells how fast.</summary>
internal sealed class GenerateCommand : Command
{
    private readonly Terminal _terminal;
    private readonly TextArguments _prompt;
    private readonly BosArguments _bos;
    private readonly CheckpointArguments _model;
    private readonly RunArguments _run;
    private readonly SamplingArguments _sampling;
    private readonly GrammarArguments _grammar;
    private readonly DraftArgument _drafts;
    private readonly JsonArgument _json;
    private readonly Option<int> _chunk = new("--chunk")
    {
        Description =
            "Tokens of the prompt that go through the model at once. They change the speed, never the output",
        HelpName = "count",
        DefaultValueFactory = _ => new ModelOptions().MaxStepTokens,
    };

    private readonly Option<FileInfo?> _cacheFile = new("--cache-file")
    {
        Description =
            "Keeps what was computed of the prompt: what the file holds of its beginning is loaded, and what it lacks is saved. It holds the prompt, readable for you alone; load only files that you made",
        HelpName = "path",
    };

    public GenerateCommand(Terminal terminal)
        : base("generate", "Goes on with a text, streaming, and tells how fast")
    {
        _terminal = terminal;
        _chunk.MustBeFrom(1, int.MaxValue);
        _prompt = new TextArguments(this, terminal, "prompt", "The text to go on with");
        _bos = new BosArguments(this);
        _model = new CheckpointArguments(this);
        _sampling = new SamplingArguments(this);
        _grammar = new GrammarArguments(this);
        _run = new RunArguments(this);
        _drafts = new DraftArgument(this);
        Add(_chunk);
        Add(_cacheFile);
        _json = new JsonArgument(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string text = await _prompt.ReadAsync(result, cancellationToken).ConfigureAwait(false);
        string folder = _model.Folder(result);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(folder);
        GenerationOptions options = _sampling.Read(result, GenerationConfig.Read(folder)) with
        {
            Grammar = _grammar.Read(result),
        };
        int[] prompt = _bos.Encode(result, tokenizer, text, cancellationToken);
        if (prompt.Length == 0)
            throw new UsageException("<prompt> is empty; it must have a token, such as --bos adds");
        using Checkpoint checkpoint = _model.Open(result, cancellationToken);
        tokenizer.RequireFits(checkpoint.Config.VocabSize);
        int context = (int)
            Math.Min(
                (long)prompt.Length + _sampling.MaxTokens(result),
                checkpoint.Config.MaxPositionEmbeddings
            );
        using Device device = _run.OpenDevice(result);
        using DeepSeekModel model = ModelLoading.Load(
            _terminal,
            checkpoint,
            device,
            _drafts.Model(
                result,
                checkpoint.Config,
                _run.Options(result) with
                {
                    MaxStepTokens = Math.Min(
                        result.GetValue(_chunk),
                        Math.Min(prompt.Length, context)
                    ),
                    MaxContextTokens = context,
                }
            ),
            cancellationToken
        );
        using var engine = new InferenceEngine(model, tokenizer, _drafts.Engine(result, context));
        var kept = new KeptPrompt(engine, prompt, result.GetValue(_cacheFile));
        InferenceRequest request = engine.Submit(prompt, options);
        if (_json.IsGiven(result))
        {
            ShowJson(request, kept, device, cancellationToken);
            return;
        }
        // A person sees the whole text; a script gets what is new.
        if (_terminal.IsInteractive)
            ShowPrompt(text);
        TextStream.Write(_terminal, request, cancellationToken);
        await _terminal
            .Error.WriteLineAsync(TextStream.Describe(request.Usage, request.Seed, model))
            .ConfigureAwait(false);
        if (kept.Save(request) is { } told)
            await _terminal.Error.WriteLineAsync(told).ConfigureAwait(false);
    }

    private void ShowPrompt(string text)
    {
        if (_terminal.TakesEscapes)
            _terminal.Output.Write("\e[2m");
        _terminal.WriteText(text);
        if (_terminal.TakesEscapes)
            _terminal.Output.Write("\e[0m");
    }

    private void ShowJson(
        InferenceRequest request,
        KeptPrompt kept,
        Device device,
        CancellationToken cancellationToken
    )
    {
        var text = new StringBuilder();
        var ids = new List<int>();
        foreach (GeneratedToken token in request.Read(cancellationToken))
        {
            text.Append(token.Text);
            ids.Add(token.Id);
        }
        GenerationUsage usage = request.Usage;
        kept.Save(request);
        _terminal.ShowJson(json =>
        {
            json.WriteString("text", text.ToString());
            json.WriteStartArray("ids");
            foreach (int id in ids)
                json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteString(
                "finish_reason",
                request.FinishReasons[0].ToString()!.ToLowerInvariant()
            );
            // As text: a number of 64 bits is more than many readers of JSON keep.
            json.WriteString("seed", request.Seed.ToString(CultureInfo.InvariantCulture));
            json.WriteNumber("prompt_tokens", usage.PromptTokens);
            json.WriteNumber("cached_tokens", usage.CachedTokens);
            json.WriteNumber("saved_tokens", kept.SavedTokens);
            json.WriteNumber("generated_tokens", usage.GeneratedTokens);
            json.WriteNumber("drafted_tokens", usage.DraftedTokens);
            json.WriteNumber("accepted_tokens", usage.AcceptedTokens);
            json.WriteFinite("prefill_tokens_per_second", usage.PrefillTokensPerSecond);
            json.WriteFinite("decode_tokens_per_second", usage.DecodeTokensPerSecond);
            json.WriteString("device", device.Name);
            json.WriteString("isa", device.Isa);
            json.WriteNumber("threads", device.ThreadCount);
        });
    }
}
