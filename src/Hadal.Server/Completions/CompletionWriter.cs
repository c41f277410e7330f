using System.Text.Json;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Server.Requests;
using Hadal.Tokenization;

namespace Hadal.Server.Completions;

/// <summary>Writes texts as <c>/v1/completions</c> does. Not thread-safe.</summary>
internal sealed class CompletionWriter
{
    private readonly string _id = $"cmpl-{Guid.NewGuid():N}";
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly HadalModel _model;
    private readonly InferenceRequest _texts;
    private readonly CompletionRequest _request;
    private readonly int[] _prompt;
    private readonly CompletionText[] _choices;
    private readonly bool[] _hasPrompt;
    private readonly LogProbsWriter _logProbs;

    public CompletionWriter(
        HadalModel model,
        InferenceRequest texts,
        CompletionRequest request,
        int[] prompt
    )
    {
        _model = model;
        _texts = texts;
        _request = request;
        _prompt = prompt;
        int choices = request.Generation.Choices;
        _choices = [.. Enumerable.Range(0, choices).Select(_ => new CompletionText())];
        _hasPrompt = new bool[choices];
        _logProbs = new LogProbsWriter(Tokenizer);
    }

    private DeepSeekTokenizer Tokenizer => _model.Chat.Engine.Tokenizer;

    /// <summary>Takes a token.</summary>
    public void Take(in GeneratedToken token)
    {
        CompletionText choice = _choices[token.Choice];
        if (_request.IsEchoed && !_hasPrompt[token.Choice])
        {
            _hasPrompt[token.Choice] = true;
            AddPrompt(choice);
        }
        choice.Finish = token.FinishReason;
        if (_request.IsPromptAlone)
            return;
        choice.Text.Append(token.Text);
        // The token that only ends a text is no part of it.
        bool isEnd =
            token.Id < 0
            || (token.FinishReason == FinishReason.Stop && Tokenizer.IsSpecial(token.Id));
        if (token.LogProbs is { } logProbs && !isEnd)
            choice.Tokens.Add((token.Id, logProbs));
    }

    /// <summary>Whether a chunk of a choice has anything to tell.</summary>
    public bool HasNews(int choice) =>
        _choices[choice].Text.Length > 0 || _choices[choice].Finish is not null;

    /// <summary>Writes what was taken of a choice since its last chunk.</summary>
    public void WriteChunk(Utf8JsonWriter json, int choice)
    {
        WriteStart(json);
        json.WriteStartArray("choices");
        WriteChoice(json, choice);
        json.WriteEndArray();
        if (_request.Stream.IncludesUsage)
            json.WriteNull("usage");
        json.WriteEndObject();
    }

    public void WriteUsageChunk(Utf8JsonWriter json)
    {
        WriteStart(json);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        WriteUsage(json);
        json.WriteEndObject();
    }

    /// <summary>Writes the whole texts.</summary>
    public void WriteWhole(Utf8JsonWriter json)
    {
        WriteStart(json);
        json.WriteStartArray("choices");
        for (int i = 0; i < _choices.Length; i++)
            WriteChoice(json, i);
        json.WriteEndArray();
        WriteUsage(json);
        json.WriteEndObject();
    }

    private void AddPrompt(CompletionText choice)
    {
        choice.Text.Append(Tokenizer.Decode(_prompt, skipSpecialTokens: true));
        if (_request.Generation.PromptLogProbs is null)
            return;
        foreach ((int id, TokenLogProbs? logProbs) in _prompt.Zip(_texts.PromptLogProbs))
            choice.Tokens.Add((id, logProbs));
    }

    private void WriteStart(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", _id);
        json.WriteString("object", "text_completion");
        json.WriteNumber("created", _created);
        json.WriteString("model", _model.Name);
        json.WriteString("system_fingerprint", _model.Fingerprint);
    }

    private void WriteChoice(Utf8JsonWriter json, int index)
    {
        CompletionText choice = _choices[index];
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteString("text", choice.Text.ToString());
        choice.Text.Clear();
        if (_request.Generation.LogProbs is { } top)
            choice.Offset = _logProbs.WriteText(json, choice.Tokens, choice.Offset, top > 0);
        else
            json.WriteNull("logprobs");
        choice.Tokens.Clear();
        json.WriteString("finish_reason", FinishReasons.Of(choice.Finish));
        json.WriteEndObject();
    }

    private void WriteUsage(Utf8JsonWriter json)
    {
        GenerationUsage usage = _texts.Usage;
        json.WriteStartObject("usage");
        UsageWriter.Write(
            json,
            _request.IsPromptAlone ? usage with { GeneratedTokens = 0 } : usage
        );
        json.WriteEndObject();
    }
}
