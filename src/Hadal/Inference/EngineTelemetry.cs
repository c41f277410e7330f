using System.Diagnostics;
using System.Diagnostics.Metrics;
using Hadal.Generation;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hadal.Inference;

/// <summary>
/// What an engine tells of its work: the meter and the source of activities "Hadal", and messages. Names are OpenTelemetry's of
/// generative models where there is one. No prompt and no text is in any. What a listener throws ends nothing: it is dropped.
/// Thread-safe; allocates nothing where nobody listens.
/// </summary>
internal sealed partial class EngineTelemetry : IDisposable
{
    private const string Name = "Hadal";
    private const string Operation = "text_completion";
    private const string Provider = "hadal";

    private static readonly ActivitySource s_activities = new(Name);

    private readonly ILogger _logger;
    private readonly string _model;
    private readonly Meter _meter = new(Name);
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _toFirstToken;
    private readonly Histogram<double> _perOutputToken;
    private readonly Histogram<double> _interToken;
    private readonly Histogram<double> _stepDuration;
    private readonly Histogram<int> _stepTokens;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _generatedTokens;
    private readonly Counter<long> _draftTokens;
    private readonly Counter<long> _acceptedTokens;
    private readonly Counter<long> _preemptions;

    /// <param name="model">The model's name.</param>
    /// <param name="loggers">Where messages go; null for nowhere.</param>
    /// <param name="queued">Tells how many requests wait for their first step.</param>
    /// <param name="running">Tells how many texts run.</param>
    public EngineTelemetry(
        string model,
        ILoggerFactory? loggers,
        Func<int> queued,
        Func<int> running
    )
    {
        _model = model;
        _logger = loggers?.CreateLogger<InferenceEngine>() ?? NullLogger<InferenceEngine>.Instance;
        _duration = Seconds("gen_ai.server.request.duration", "From submission to the last token");
        _toFirstToken = Seconds(
            "gen_ai.server.time_to_first_token",
            "From submission to the first token"
        );
        _perOutputToken = Seconds(
            "gen_ai.server.time_per_output_token",
            "Mean time of a token after the first, of a request"
        );
        _interToken = Seconds("hadal.inter_token_latency", "Between two tokens of a request");
        _stepDuration = Seconds("hadal.step.duration", "Of a step, all but its planning");
        _stepTokens = _meter.CreateHistogram<int>("hadal.step.tokens", "{token}", "In a step");
        _promptTokens = Tokens("hadal.prompt_tokens", "In prompts of requests that ended");
        _cachedTokens = Tokens("hadal.cached_tokens", "Of those, taken from the prefix cache");
        _generatedTokens = Tokens("hadal.generated_tokens", "Generated");
        _draftTokens = Tokens("hadal.draft_tokens", "Guessed ahead, and verified");
        _acceptedTokens = Tokens("hadal.accepted_draft_tokens", "Of those, right");
        _preemptions = _meter.CreateCounter<long>(
            "hadal.preemptions",
            "{text}",
            "Texts that lost their place in the cache, to be computed again"
        );
        _meter.CreateObservableUpDownCounter(
            "hadal.requests.queued",
            queued,
            "{request}",
            "That wait for their first step"
        );
        _meter.CreateObservableUpDownCounter(
            "hadal.texts.running",
            running,
            "{text}",
            "That have a place in the cache"
        );
    }

    /// <summary>The meter, which is this engine's alone.</summary>
    public Meter Meter => _meter;

    /// <summary>Begins the activity of a request, below that of its caller.</summary>
    public Activity? Begin(InferenceRequest request)
    {
        Activity? callers = Activity.Current;
        Activity? activity = s_activities.StartActivity($"{Operation} {_model}");
        // It goes on after the caller, who keeps its own.
        Activity.Current = callers;
        if (activity is null)
            return null;
        GenerationOptions options = request.Options;
        activity.SetTag("gen_ai.operation.name", Operation);
        activity.SetTag("gen_ai.provider.name", Provider);
        activity.SetTag("gen_ai.request.model", _model);
        activity.SetTag("gen_ai.request.choice.count", options.Choices);
        activity.SetTag("gen_ai.request.max_tokens", options.Stop.MaxTokens);
        activity.SetTag("gen_ai.request.temperature", options.Sampling.Temperature);
        activity.SetTag("gen_ai.request.top_p", options.Sampling.TopP);
        return activity;
    }

    public void AddToken(TimeSpan? sinceLast) =>
        Tell(
            static (self, sinceLast) =>
            {
                self._generatedTokens.Add(1);
                if (sinceLast is { } time)
                    self._interToken.Record(time.TotalSeconds);
            },
            sinceLast
        );

    public void AddStep(TimeSpan time, int tokens) =>
        Tell(
            static (self, step) =>
            {
                self._stepDuration.Record(step.time.TotalSeconds);
                self._stepTokens.Record(step.tokens);
            },
            (time, tokens)
        );

    public void Preempt(TextChoice text) =>
        Tell(
            static (self, text) =>
            {
                self._preemptions.Add(1);
                self.LogPreempted(text.Request.Number, text.Index, text.Tokens.Length);
            },
            text
        );

    public void AddDrafts(int verified, int accepted) =>
        Tell(
            static (self, drafts) =>
            {
                self._draftTokens.Add(drafts.verified);
                self._acceptedTokens.Add(drafts.accepted);
            },
            (verified, accepted)
        );

    public void FailDrafts(Exception error) =>
        Tell(static (self, error) => self.LogDraftsFailed(error), error);

    public void FailStep(Exception error) =>
        Tell(static (self, error) => self.LogStepFailed(error), error);

    /// <summary>Ends a request.</summary>
    public void End(InferenceRequest request) =>
        Tell(static (self, request) => self.TellEnd(request), request);

    public void Dispose() => _meter.Dispose();

    private void Tell<T>(Action<EngineTelemetry, T> tell, T what)
    {
        try
        {
            tell(this, what);
        }
        catch (Exception) { }
    }

    private void TellEnd(InferenceRequest request)
    {
        GenerationUsage usage = request.Usage;
        // A reader may leave when it has the last token.
        Exception? error = request.FinishReasons.Contains(null) ? request.Error : null;
        TagList tags = new()
        {
            { "gen_ai.operation.name", Operation },
            { "gen_ai.provider.name", Provider },
            { "gen_ai.request.model", _model },
        };
        if (usage.GeneratedTokens > 0)
            _toFirstToken.Record((usage.QueueTime + usage.PrefillTime).TotalSeconds, tags);
        if (usage.GeneratedTokens > 1)
            _perOutputToken.Record(
                usage.DecodeTime.TotalSeconds / (usage.GeneratedTokens - 1),
                tags
            );
        if (error is not null)
            tags.Add("error.type", error.GetType().FullName);
        _duration.Record(request.Times.SinceSubmission.TotalSeconds, tags);
        _promptTokens.Add(usage.PromptTokens);
        _cachedTokens.Add(usage.CachedTokens);
        if (error is not (null or OperationCanceledException or ObjectDisposedException))
            LogFailed(request.Number, error);
        if (request.Activity is not { } activity)
            return;
        activity.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens);
        activity.SetTag("gen_ai.usage.output_tokens", usage.GeneratedTokens);
        activity.SetTag(
            "gen_ai.response.finish_reasons",
            request
                .FinishReasons.Select(reason => reason?.ToString().ToLowerInvariant() ?? "error")
                .ToArray()
        );
        if (error is not null)
        {
            activity.SetTag("error.type", error.GetType().FullName);
            activity.SetStatus(ActivityStatusCode.Error);
        }
        // Whose thread this is has one of its own.
        Activity? current = Activity.Current;
        try
        {
            activity.Stop();
        }
        finally
        {
            Activity.Current = current;
        }
    }

    private Histogram<double> Seconds(string name, string description) =>
        _meter.CreateHistogram<double>(name, "s", description);

    private Counter<long> Tokens(string name, string description) =>
        _meter.CreateCounter<long>(name, "{token}", description);

    [LoggerMessage(
        1,
        LogLevel.Debug,
        "Request {Number}, choice {Choice}, lost its place in the cache with {Tokens} tokens, which are computed again"
    )]
    private partial void LogPreempted(long number, int choice, int tokens);

    [LoggerMessage(2, LogLevel.Warning, "A step failed; each of its texts is tried alone")]
    private partial void LogStepFailed(Exception error);

    [LoggerMessage(3, LogLevel.Error, "Request {Number} ended with an error")]
    private partial void LogFailed(long number, Exception error);

    [LoggerMessage(4, LogLevel.Warning, "The predictor failed; the next step has no drafts")]
    private partial void LogDraftsFailed(Exception error);
}
