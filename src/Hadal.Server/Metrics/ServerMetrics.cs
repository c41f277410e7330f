using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;

namespace Hadal.Server.Metrics;

/// <summary>
/// What the engine's meter and the requests tell, under the names that routers of model servers read. Thread-safe.
/// </summary>
internal sealed class ServerMetrics(HadalModel model) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, long> _finished = new(StringComparer.Ordinal)
    {
        ["abort"] = 0,
        ["length"] = 0,
        ["stop"] = 0,
        ["tool_calls"] = 0,
    };
    private readonly Dictionary<string, long> _measured = [];
    private readonly Histogram _toFirstToken = new("vllm:time_to_first_token_seconds");
    private readonly Histogram _interToken = new("vllm:inter_token_latency_seconds");
    private readonly Histogram _duration = new("vllm:e2e_request_latency_seconds");
    private readonly Histogram _queue = new("vllm:request_queue_time_seconds");
    private readonly Histogram _prefill = new("vllm:request_prefill_time_seconds");
    private readonly Histogram _decode = new("vllm:request_decode_time_seconds");
    private InferenceEngine? _engine;
    private MeterListener? _listener;
    private long _drafts;
    private long _draftTokens;
    private long _acceptedTokens;

    /// <summary>Follows an engine.</summary>
    public void Listen(InferenceEngine engine)
    {
        _engine = engine;
        // Each engine has a meter, and all are of one name.
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter, engine.Meter))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<double>(
            (instrument, value, _, _) => HistogramOf(instrument.Name)?.Add(value)
        );
        _listener.SetMeasurementEventCallback<long>(
            (instrument, value, _, _) =>
            {
                lock (_lock)
                    _measured[instrument.Name] =
                        _measured.GetValueOrDefault(instrument.Name) + value;
            }
        );
        // Those that are asked for tell how it is, not what was added.
        _listener.SetMeasurementEventCallback<int>(
            (instrument, value, _, _) =>
            {
                lock (_lock)
                    _measured[instrument.Name] = value;
            }
        );
        _listener.Start();
    }

    /// <summary>Begins the record of a request.</summary>
    /// <param name="usage">Tells what it took so far.</param>
    public RequestRecord Begin(Func<GenerationUsage> usage) => new(this, usage);

    /// <summary>Ends a request.</summary>
    /// <param name="usage">What it took.</param>
    /// <param name="finishReasons">Why its answers ended; none where it was given up.</param>
    public void End(GenerationUsage usage, IReadOnlyList<string> finishReasons)
    {
        lock (_lock)
        {
            foreach (string reason in finishReasons.Count > 0 ? finishReasons : ["abort"])
                _finished[reason]++;
            _drafts += usage.DraftedByPlace[0];
            _draftTokens += usage.DraftedTokens;
            _acceptedTokens += usage.AcceptedTokens;
        }
        _queue.Add(usage.QueueTime.TotalSeconds);
        _prefill.Add(usage.PrefillTime.TotalSeconds);
        _decode.Add(usage.DecodeTime.TotalSeconds);
    }

    /// <summary>All of it, as Prometheus reads it.</summary>
    public string Write()
    {
        string labels = $"model_name=\"{Escape(model.Name)}\"";
        var text = new StringBuilder();
        _listener?.RecordObservableInstruments();
        lock (_lock)
        {
            Gauge("vllm:num_requests_running", Measured("hadal.texts.running"));
            Gauge("vllm:num_requests_waiting", Measured("hadal.requests.queued"));
            if (_engine is { } engine)
                WriteCache(engine.Cache);
            Counter("vllm:prefix_cache_queries_total", Measured("hadal.prompt_tokens"));
            Counter("vllm:prefix_cache_hits_total", Measured("hadal.cached_tokens"));
            Counter("vllm:prompt_tokens_total", Measured("hadal.prompt_tokens"));
            Counter("vllm:generation_tokens_total", Measured("hadal.generated_tokens"));
            Counter("vllm:num_preemptions_total", Measured("hadal.preemptions"));
            Counter("vllm:spec_decode_num_drafts_total", _drafts);
            Counter("vllm:spec_decode_num_draft_tokens_total", _draftTokens);
            Counter("vllm:spec_decode_num_accepted_tokens_total", _acceptedTokens);
            Type("vllm:request_success_total", "counter");
            foreach ((string reason, long count) in _finished)
                Sample("vllm:request_success_total", count, $",finished_reason=\"{reason}\"");
        }
        foreach (
            Histogram histogram in (Histogram[])
                [_toFirstToken, _interToken, _duration, _queue, _prefill, _decode]
        )
            histogram.Write(text, labels);
        return text.ToString();

        void WriteCache(PagedCache cache)
        {
            Gauge(
                "vllm:kv_cache_usage_perc",
                (double)cache.Statistics.ReferencedPages / cache.PageCount
            );
            Type("vllm:cache_config_info", "gauge");
            Sample(
                "vllm:cache_config_info",
                1,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $",block_size=\"{PagedCache.PageTokens}\",num_gpu_blocks=\"{cache.PageCount}\""
                )
            );
        }

        void Gauge(string name, double value)
        {
            Type(name, "gauge");
            Sample(name, value, "");
        }

        void Counter(string name, double value)
        {
            Type(name, "counter");
            Sample(name, value, "");
        }

        void Type(string name, string type) =>
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {type}\n");

        void Sample(string name, double value, string more) =>
            text.Append(CultureInfo.InvariantCulture, $"{name}{{{labels}{more}}} {value}\n");
    }

    public void Dispose() => _listener?.Dispose();

    private long Measured(string name) => _measured.GetValueOrDefault(name);

    private Histogram? HistogramOf(string instrument) =>
        instrument switch
        {
            "gen_ai.server.time_to_first_token" => _toFirstToken,
            "hadal.inter_token_latency" => _interToken,
            "gen_ai.server.request.duration" => _duration,
            _ => null,
        };

    private static string Escape(string label) =>
        label
            .Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
}
