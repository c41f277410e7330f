using System.Text.Json;
using Hadal.Answering;
using Hadal.Generation;
using Hadal.Server.Http;
using Hadal.Server.Requests;

namespace Hadal.Server.Responses;

/// <summary>Writes an answer as <c>/v1/responses</c> does, whole or by events. Not thread-safe.</summary>
internal sealed class ResponseWriter
{
    private readonly string _id = $"resp_{Guid.NewGuid():N}";
    private readonly long _created = Now();
    private readonly HadalModel _model;
    private readonly ResponsesRequest _request;
    private readonly ChatAnswer _answer;
    private readonly ResponseEvents _events;
    private readonly ResponseOutput _output;
    private bool _hasBegun;
    private long? _completed;
    private ApiException? _error;

    /// <param name="model">The model.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="events">Where its events go.</param>
    public ResponseWriter(
        HadalModel model,
        ResponsesRequest request,
        ChatAnswer answer,
        ResponseEvents events
    )
    {
        _model = model;
        _request = request;
        _answer = answer;
        _events = events;
        _output = new ResponseOutput(
            request.Tools,
            answer.Choices[0],
            new LogProbsWriter(model.Chat.Engine.Tokenizer),
            events
        );
    }

    private string Status =>
        _error is not null ? "failed"
        : _completed is null ? "in_progress"
        : _answer.Choices[0].Finish is AnswerFinish.Stop or AnswerFinish.ToolCalls ? "completed"
        : "incomplete";

    /// <summary>Tells that it is there, once.</summary>
    public void Begin()
    {
        if (_hasBegun)
            return;
        _hasBegun = true;
        _events.Add("response.created", WriteField);
        _events.Add("response.in_progress", WriteField);
    }

    /// <summary>Takes an update.</summary>
    public void Take(AnswerUpdate update) => _output.Take(update);

    /// <summary>Tells that all updates were taken.</summary>
    public void End()
    {
        _completed = Now();
        _events.Add($"response.{Status}", WriteField);
    }

    /// <summary>Tells that an error ended it.</summary>
    public void Fail(ServerSentEvents stream, ApiException error)
    {
        _error = error;
        _output.Drop();
        _events.AddTo(stream, "response.failed", WriteField);
    }

    /// <summary>Writes it as it is.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", _id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", _created);
        json.WriteString("status", Status);
        if (_completed is { } completed)
            json.WriteNumber("completed_at", completed);
        else
            json.WriteNull("completed_at");
        WriteError(json);
        if (Status == "incomplete")
        {
            json.WriteStartObject("incomplete_details");
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details");
        }
        json.WriteString("model", _model.Name);
        _output.Write(json);
        _request.Echo.Write(json);
        WriteUsage(json);
        json.WriteEndObject();
    }

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    private void WriteField(Utf8JsonWriter json)
    {
        json.WritePropertyName("response");
        Write(json);
    }

    private void WriteError(Utf8JsonWriter json)
    {
        if (_error is null)
        {
            json.WriteNull("error");
            return;
        }
        json.WriteStartObject("error");
        json.WriteString("code", _error.Code ?? "server_error");
        json.WriteString("message", _error.Message);
        json.WriteEndObject();
    }

    private void WriteUsage(Utf8JsonWriter json)
    {
        if (_completed is null)
        {
            json.WriteNull("usage");
            return;
        }
        GenerationUsage usage = _answer.Usage;
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", usage.PromptTokens);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        // What is kept of a prompt costs nothing.
        json.WriteNumber("cache_write_tokens", 0);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", usage.GeneratedTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", _answer.ReasoningTokens);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.GeneratedTokens);
        json.WriteEndObject();
    }
}
