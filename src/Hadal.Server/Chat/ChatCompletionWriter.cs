using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Server.Requests;
using Hadal.Server.Selections;

namespace Hadal.Server.Chat;

/// <summary>Writes an answer as <c>/v1/chat/completions</c> does. Not thread-safe.</summary>
/// <param name="model">The model.</param>
/// <param name="answer">The answer.</param>
/// <param name="hasLogProbs">Whether tokens have their log-probabilities.</param>
/// <param name="hasTimings">Whether the usage comes with times.</param>
/// <param name="selections">What attention chose; null where nobody asks.</param>
internal sealed class ChatCompletionWriter(
    HadalModel model,
    ChatAnswer answer,
    bool hasLogProbs,
    bool hasTimings,
    AnswerSelections? selections
)
{
    private readonly string _id = $"chatcmpl-{Guid.NewGuid():N}";
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly LogProbsWriter _logProbs = new(model.Chat.Engine.Tokenizer);
    private readonly bool[] _hasBegun = new bool[answer.Choices.Count];
    private bool _hasAnswer;

    // Of tokens that no chunk has yet.
    private readonly List<TokenLogProbs>[] _pending =
    [
        .. answer.Choices.Select(static _ => new List<TokenLogProbs>()),
    ];

    /// <summary>Takes an update, before anything of it is written.</summary>
    public void Take(AnswerUpdate update)
    {
        selections?.Take(update);
        if (update.LogProbs is { } logProbs && !_logProbs.IsEnd(update))
            _pending[update.Choice].Add(logProbs);
    }

    /// <summary>The chunks of an update.</summary>
    public IEnumerable<ChatChunk> Chunks(AnswerUpdate update)
    {
        if (!_hasBegun[update.Choice])
        {
            _hasBegun[update.Choice] = true;
            yield return new ChatChunk(update.Choice, null, true, [], null);
        }
        foreach (ChatDelta delta in update.Deltas)
        {
            if (delta.Kind != ChatDeltaKind.CallEnd)
                yield return new ChatChunk(
                    update.Choice,
                    delta,
                    false,
                    TakePending(update.Choice),
                    null
                );
        }
        if (update.Finish is { } finish)
            yield return new ChatChunk(
                update.Choice,
                null,
                false,
                TakePending(update.Choice),
                finish
            );
    }

    public void WriteChunk(Utf8JsonWriter json, ChatChunk chunk, bool includesUsage)
    {
        WriteStart(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", chunk.Choice);
        json.WriteStartObject("delta");
        if (chunk.IsFirst)
        {
            json.WriteString("role", "assistant");
            json.WriteString("content", "");
        }
        if (chunk.Delta is { } delta)
            WriteDelta(json, delta, answer.Choices[chunk.Choice]);
        json.WriteEndObject();
        if (hasLogProbs && chunk.LogProbs.Count > 0)
            _logProbs.WriteChat(json, chunk.LogProbs);
        else
            json.WriteNull("logprobs");
        json.WriteString("finish_reason", FinishReasons.Of(chunk.Finish));
        selections?.WriteChoice(json, chunk.Choice);
        json.WriteEndObject();
        json.WriteEndArray();
        WriteHadal(json, hasUsage: false);
        // Every chunk has the field then.
        if (includesUsage)
            json.WriteNull("usage");
        json.WriteEndObject();
    }

    public void WriteUsageChunk(Utf8JsonWriter json)
    {
        WriteStart(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteEndArray();
        WriteUsage(json);
        json.WriteEndObject();
    }

    /// <summary>Writes the whole answer.</summary>
    public void WriteWhole(Utf8JsonWriter json)
    {
        WriteStart(json, "chat.completion");
        json.WriteStartArray("choices");
        for (int i = 0; i < answer.Choices.Count; i++)
        {
            AnswerChoice choice = answer.Choices[i];
            json.WriteStartObject();
            json.WriteNumber("index", i);
            WriteMessage(json, choice.Turn);
            if (hasLogProbs)
                _logProbs.WriteChat(json, _pending[i]);
            else
                json.WriteNull("logprobs");
            json.WriteString("finish_reason", FinishReasons.Of(choice.Finish));
            selections?.WriteChoice(json, i);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteUsage(json);
        json.WriteEndObject();
    }

    private List<TokenLogProbs> TakePending(int choice)
    {
        List<TokenLogProbs> pending = [.. _pending[choice]];
        _pending[choice].Clear();
        return pending;
    }

    private void WriteStart(Utf8JsonWriter json, string kind)
    {
        json.WriteStartObject();
        json.WriteString("id", _id);
        json.WriteString("object", kind);
        json.WriteNumber("created", _created);
        json.WriteString("model", model.Name);
        json.WriteString("system_fingerprint", model.Fingerprint);
    }

    private void WriteUsage(Utf8JsonWriter json)
    {
        GenerationUsage usage = answer.Usage;
        json.WriteStartObject("usage");
        UsageWriter.Write(json, usage.PromptTokens, usage.CachedTokens, usage.GeneratedTokens);
        json.WriteStartObject("completion_tokens_details");
        json.WriteNumber("reasoning_tokens", answer.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
        WriteHadal(json, hasUsage: true);
    }

    // What goes once with an answer: the selection's prompt with what is written first, the times with the usage.
    private void WriteHadal(Utf8JsonWriter json, bool hasUsage)
    {
        bool writesAnswer = selections is not null && !_hasAnswer;
        bool writesTimings = hasTimings && hasUsage;
        if (!writesAnswer && !writesTimings)
            return;
        _hasAnswer = true;
        json.WriteStartObject(HadalField.Name);
        if (writesAnswer)
            selections!.WriteAnswer(json);
        if (writesTimings)
            TimingsWriter.Write(json, answer.Usage);
        json.WriteEndObject();
    }

    private static void WriteMessage(Utf8JsonWriter json, ChatTurn turn)
    {
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        // An answer of calls alone has no content.
        if (turn.Content.Length == 0 && turn.ToolCalls.Count > 0)
            json.WriteNull("content");
        else
            json.WriteString("content", turn.Content);
        json.WriteNull("refusal");
        if (turn.Reasoning is not null)
            json.WriteString("reasoning_content", turn.Reasoning);
        if (turn.ToolCalls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (ToolCall call in turn.ToolCalls)
            {
                json.WriteStartObject();
                json.WriteString("id", call.Id);
                json.WriteString("type", "function");
                WriteFunction(json, call.Name, call.Arguments);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteDelta(Utf8JsonWriter json, ChatDelta delta, AnswerChoice choice)
    {
        switch (delta.Kind)
        {
            case ChatDeltaKind.Reasoning:
                json.WriteString("reasoning_content", delta.Text);
                return;
            case ChatDeltaKind.Content:
                json.WriteString("content", delta.Text);
                return;
        }
        json.WriteStartArray("tool_calls");
        json.WriteStartObject();
        json.WriteNumber("index", delta.Call);
        if (delta.Kind == ChatDeltaKind.CallBegin)
        {
            json.WriteString("id", choice.ToolCallId(delta.Call));
            json.WriteString("type", "function");
            WriteFunction(json, delta.Text, "");
        }
        else
        {
            WriteFunction(json, null, delta.Text);
        }
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WriteFunction(Utf8JsonWriter json, string? name, string arguments)
    {
        json.WriteStartObject("function");
        if (name is not null)
            json.WriteString("name", name);
        json.WriteString("arguments", arguments);
        json.WriteEndObject();
    }
}
