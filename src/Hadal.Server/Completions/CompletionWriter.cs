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
    private readonly IReadOnlyList<InferenceRequest> _texts;
    private readonly CompletionRequest _request;
    private readonly int[][] _prompts;
    private readonly CompletionText[] _choices;
    private readonly bool[] _hasPrompt;
    private readonly LogProbsWriter _logProbs;

    public CompletionWriter(
        HadalModel model,
        IReadOnlyList<InferenceRequest> texts,
        CompletionRequest request,
        int[][] prompts
    )
    {
        _model = model;
        _texts = texts;
        _request = request;
        _prompts = prompts;
        int choices = prompts.Length * request.Generation.Choices;
        _choices = [.. Enumerable.Range(0, choices).Select(_ => new CompletionText())];
        _hasPrompt = new bool[choices];
        _logProbs = new LogProbsWriter(Tokenizer);
    }

    private DeepSeekTokenizer Tokenizer => _model.Chat.Engine.Tokenizer;

    /// <summary>Takes a token.</summary>
    /// <param name="prompt">The index of its prompt.</param>
    /// <param name="token">The token.</param>
    /// <returns>Its choice: those of one prompt follow each other.</returns>
    public int Take(int prompt, in GeneratedToken token)
    {
        int index = prompt * _request.Generation.Choices + token.Choice;
        CompletionText choice = _choices[index];
        if (_request.IsEchoed && !_hasPrompt[index])
        {
            _hasPrompt[index] = true;
            AddPrompt(choice, prompt);
        }
        choice.Finish = token.FinishReason;
        if (_request.IsPromptAlone)
            return index;
        choice.Text.Append(token.Text);
        // The token that ends a text has its log-probability too, as evaluations count on one for each token.
        if (token is { LogProbs: { } logProbs, Id: >= 0 })
            choice.Tokens.Add((token.Id, logProbs));
        return index;
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

    private void AddPrompt(CompletionText choice, int prompt)
    {
        int[] ids = _prompts[prompt];
        choice.Text.Append(Tokenizer.Decode(ids, skipSpecialTokens: true));
        if (_request.Generation.PromptLogProbs is null)
            return;
        foreach ((int id, TokenLogProbs? logProbs) in ids.Zip(_texts[prompt].PromptLogProbs))
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
        GenerationUsage[] usages = [.. _texts.Select(text => text.Usage)];
        json.WriteStartObject("usage");
        UsageWriter.Write(
            json,
            promptTokens: usages.Sum(usage => usage.PromptTokens),
            cachedTokens: usages.Sum(usage => usage.CachedTokens),
            generatedTokens: _request.IsPromptAlone ? 0 : usages.Sum(usage => usage.GeneratedTokens)
        );
        json.WriteEndObject();
    }
}
