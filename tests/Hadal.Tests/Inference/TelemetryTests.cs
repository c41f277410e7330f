using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;
using Microsoft.Extensions.Logging;

namespace Hadal.Tests.Inference;

/// <summary>Listeners hear of all engines of the process.</summary>
[Collection(nameof(WholeProcess))]
public sealed class TelemetryTests : IDisposable
{
    private const string Secret = "xyzzy";

    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Meter_tells_what_requests_took()
    {
        var sums = new ConcurrentDictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Hadal")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>((i, value, _, _) => Add(i, value));
        listener.SetMeasurementEventCallback<long>((i, value, _, _) => Add(i, value));
        listener.SetMeasurementEventCallback<double>((i, value, _, _) => Add(i, value));
        listener.Start();
        var clock = new ManualClock();
        using InferenceEngine engine = Engines.Stepped(
            _model,
            _tokenizer,
            options: new EngineOptions { TimeProvider = clock }
        );
        int[] prompt = [.. Enumerable.Range(1, 100)];
        InferenceRequest first = engine.Submit(prompt, Engines.Limit(3));
        clock.Advance(TimeSpan.FromSeconds(2));
        listener.RecordObservableInstruments();
        Assert.Equal((1, 0), (sums["hadal.requests.queued"], sums["hadal.texts.running"]));
        engine.Step();
        listener.RecordObservableInstruments();
        Assert.Equal((1, 1), (sums["hadal.requests.queued"], sums["hadal.texts.running"]));
        for (int i = 0; i < 2; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(3));
            engine.Step();
        }
        engine.Submit(prompt, Engines.Limit(1));
        engine.Finish();
        Assert.Equal(200, sums["hadal.prompt_tokens"]);
        Assert.Equal(64, sums["hadal.cached_tokens"]);
        Assert.Equal(4, sums["hadal.generated_tokens"]);
        Assert.Equal(100 + 2 + 36, sums["hadal.step.tokens"]);
        Assert.Equal(2, sums["gen_ai.server.time_to_first_token"]);
        Assert.Equal(3, sums["gen_ai.server.time_per_output_token"]);
        Assert.Equal(6, sums["hadal.inter_token_latency"]);
        Assert.Equal(8, sums["gen_ai.server.request.duration"]);

        void Add(Instrument instrument, double value) =>
            sums.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
    }

    [Fact]
    public void Activity_of_a_request_is_below_its_callers()
    {
        var ended = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Hadal" or "test",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Add,
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("test");
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        using (Activity? caller = source.StartActivity("caller"))
        {
            engine.Submit([1, 2], Engines.Limit(2));
            Assert.Same(caller, Activity.Current);
            engine.Finish();
            Assert.Same(caller, Activity.Current);
            Activity own = Assert.Single(ended);
            Assert.Equal(caller, own.Parent);
            Assert.Equal("text_completion deepseek_v32", own.OperationName);
            Assert.Equal(2, own.GetTagItem("gen_ai.usage.input_tokens"));
            Assert.Equal(2, own.GetTagItem("gen_ai.usage.output_tokens"));
            Assert.Equal(
                ["length"],
                Assert.IsType<string[]>(own.GetTagItem("gen_ai.response.finish_reasons"))
            );
        }
        InferenceRequest broken = engine.Submit([1, 2], Engines.Limit(5));
        engine.Step();
        CachePages.Break(broken.Choices[0].Sequence!);
        engine.Finish();
        Assert.Equal(ActivityStatusCode.Error, ended[^1].Status);
        Assert.Equal(typeof(StepFailedException).FullName, ended[^1].GetTagItem("error.type"));
    }

    [Fact]
    public void Messages_tell_what_failed_and_never_what_was_written()
    {
        var log = new ListLogger();
        using var model = TestModels.Load("kjv-shakespeare", new ModelOptions { MaxSequences = 2 });
        using InferenceEngine engine = Engines.Stepped(
            model,
            _tokenizer,
            128,
            new EngineOptions { LoggerFactory = log }
        );
        int[] prompt = _tokenizer.Encode(string.Concat(Enumerable.Repeat(Secret, 8)));
        Assert.InRange(prompt.Length, 10, 60);
        engine.Submit(prompt, Engines.Limit(70 - prompt.Length));
        InferenceRequest youngest = engine.Submit(
            [5, .. prompt],
            Engines.Limit(70 - prompt.Length)
        );
        engine.Finish();
        Assert.Contains(log.Messages, m => m.Contains("lost its place", StringComparison.Ordinal));
        InferenceRequest broken = engine.Submit(prompt, Engines.Limit(5));
        engine.Step();
        CachePages.Break(broken.Choices[0].Sequence!);
        engine.Finish();
        Assert.Contains(
            log.Messages,
            m => m.Contains("ended with an error", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(log.Messages, m => m.Contains(Secret, StringComparison.Ordinal));
    }

    [Fact]
    public void Listeners_that_throw_end_no_text()
    {
        int thrown = 0;
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Hadal")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        meters.SetMeasurementEventCallback<int>((_, _, _, _) => Throw());
        meters.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
        meters.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
        meters.Start();
        using var activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Hadal",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = _ => Throw(),
        };
        ActivitySource.AddActivityListener(activities);
        using InferenceEngine engine = Engines.Stepped(
            _model,
            _tokenizer,
            128,
            new EngineOptions { LoggerFactory = new ListLogger { Written = Throw } }
        );
        // One loses its place to the other.
        InferenceRequest one = engine.Submit([1, 2], Engines.Limit(90));
        InferenceRequest two = engine.Submit([1, 3], Engines.Limit(90));
        engine.Finish();
        Assert.Equal((90, 90), (one.Tokens().Count, two.Tokens().Count));
        InferenceRequest broken = engine.Submit([1, 2], Engines.Limit(5));
        engine.Step();
        CachePages.Break(broken.Choices[0].Sequence!);
        engine.Finish();
        Assert.Throws<StepFailedException>(() => broken.Tokens());
        Assert.True(thrown > 180);
        engine.MustBeUnused();

        void Throw()
        {
            thrown++;
            throw new InvalidOperationException();
        }
    }

    [Fact]
    public async Task A_logger_that_saves_a_prefix_is_refused_and_holds_nothing_up()
    {
        InferenceEngine? engine = null;
        Exception? error = null;
        var log = new ListLogger
        {
            Written = () => error = Record.Exception(() => engine!.SavePrefix("never", [1])),
        };
        DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        engine = new InferenceEngine(model, _tokenizer, new EngineOptions { LoggerFactory = log });
        model.Dispose();
        InferenceRequest failed = engine.Submit([1], Engines.Limit(5));
        await Assert.ThrowsAsync<StepFailedException>(() =>
            Waiting.OnThread(() => failed.Tokens().Count).Soon()
        );
        engine.Dispose();
        Assert.IsType<InvalidOperationException>(error);
    }

    /// <summary>A listener that waits for another thread's request, when one ends that never began.</summary>
    [Fact]
    public async Task Listener_may_wait_for_others_when_a_waiting_request_ends()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        InferenceRequest request = engine.Submit([1, 2, 3], Engines.Limit(2));
        request.Cancel();
        Thread? stepping = null;
        Task<InferenceRequest>? other = null;
        bool isSubmitted = false;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "gen_ai.server.request.duration")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>(
            (_, _, _, _) =>
            {
                if (Thread.CurrentThread != stepping || other is not null)
                    return;
                other = Waiting.OnThread(() => engine.Submit([4], Engines.Limit(1)));
                isSubmitted = other.Wait(TimeSpan.FromSeconds(20));
            }
        );
        listener.Start();
        bool isStep = await Waiting.OnThread(() =>
        {
            stepping = Thread.CurrentThread;
            return engine.Step();
        });
        Assert.Equal([FinishReason.Cancelled], request.FinishReasons);
        Assert.True(isSubmitted);
        Assert.True(isStep);
        Assert.Equal([FinishReason.Length], (await other!.Soon()).FinishReasons);
    }

    private sealed class ListLogger : ILoggerFactory, ILogger
    {
        public List<string> Messages { get; } = [];

        public Action? Written { get; init; }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) { }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            Messages.Add($"{formatter(state, exception)} {exception}");
            Written?.Invoke();
        }

        public void Dispose() { }
    }
}
