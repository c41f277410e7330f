using System.Globalization;
using System.Text.Json;

namespace Hadal.Tests.Server;

/// <summary>Metrics under the names that routers read.</summary>
public sealed class MetricsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_are_counted()
    {
        ServerApp app = fixture.App;
        Dictionary<string, double> before = await ReadAsync(app);
        JsonElement usage = (
            await app.PostAsync(
                "/v1/chat/completions",
                """{"messages":[{"role":"user","content":"x"}],"max_tokens":5,"ignore_eos":true}"""
            )
        ).GetProperty("usage");
        Waiting.Until(() => app.Engine.Cache.Statistics.ReferencedPages == 0);
        Dictionary<string, double> after = await ReadAsync(app);

        Assert.Equal(1, Added("vllm:request_success_total", "length"));
        Assert.Equal(0, Added("vllm:request_success_total", "stop"));
        Assert.Equal(5, Added("vllm:generation_tokens_total"));
        int prompt = usage.GetProperty("prompt_tokens").GetInt32();
        Assert.Equal(prompt, Added("vllm:prompt_tokens_total"));
        Assert.Equal(prompt, Added("vllm:prefix_cache_queries_total"));
        Assert.Equal(0, Added("vllm:prefix_cache_hits_total"));
        Assert.Equal(4, Added("vllm:inter_token_latency_seconds_count"));
        foreach (
            string name in (string[])
                [
                    "time_to_first_token",
                    "e2e_request_latency",
                    "request_queue_time",
                    "request_prefill_time",
                    "request_decode_time",
                ]
        )
        {
            Assert.Equal(1, Added($"vllm:{name}_seconds_count"));
            Assert.Equal(1, Added($"vllm:{name}_seconds_bucket", "+Inf"));
        }
        Assert.Equal(0, Value(after, "vllm:num_requests_running"));
        Assert.Equal(0, Value(after, "vllm:num_requests_waiting"));
        Assert.Equal(0, Value(after, "vllm:kv_cache_usage_perc"));
        Assert.Equal(1, Value(after, "vllm:cache_config_info", "block_size=\"64\""));
        foreach (string name in (string[])["drafts", "draft_tokens", "accepted_tokens"])
            Assert.Equal(0, Value(after, $"vllm:spec_decode_num_{name}_total"));

        double Added(string name, string label = "") =>
            Value(after, name, label) - Value(before, name, label);
    }

    private static double Value(Dictionary<string, double> all, string name, string label = "") =>
        Assert
            .Single(
                all,
                one =>
                    one.Key.StartsWith($"{name}{{model_name=\"deep\"", StringComparison.Ordinal)
                    && one.Key.Contains(label, StringComparison.Ordinal)
            )
            .Value;

    private static async Task<Dictionary<string, double>> ReadAsync(ServerApp app) =>
        (await app.Client.GetStringAsync("/metrics", Cancellation))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith('#'))
            .Select(line => line.Split("} "))
            .ToDictionary(
                parts => parts[0],
                parts => double.Parse(parts[1], CultureInfo.InvariantCulture)
            );
}
