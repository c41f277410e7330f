using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Hadal.Server.Http;
using Hadal.Tests.Model;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Tests.Server.Tenants;

/// <summary>Each key has limits of its own, and learns nothing of what others sent.</summary>
public sealed class TenantTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const string Completions = "/v1/completions";
    private const string Chat = "/v1/chat/completions";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Completions)]
    [InlineData(Chat)]
    public async Task Cached_tokens_are_a_tenants_own(string path)
    {
        using var models = new ChatModels();
        using var file = new KeyFile(
            """
            {"keys": [
              {"name": "alice", "key": "a", "cache_salt": "team"},
              {"name": "ann", "key": "a2", "cache_salt": "team"},
              {"name": "bob", "key": "b"},
              {"name": "team", "key": "c"}
            ]}
            """
        );
        await using ServerApp app = await ServerApp.StartAsync(
            models.V32,
            configure: options =>
            {
                options.Threads = 2;
                options.CacheTokens = ChatModels.ContextTokens;
                options.ApiKeysFile = file.Path;
                options.ApiKey = "op";
            }
        );
        Assert.Equal(0, await CachedAsync("a"));
        Assert.InRange(await CachedAsync("a"), 64, int.MaxValue);
        Assert.InRange(await CachedAsync("a2"), 64, int.MaxValue);
        Assert.Equal(0, await CachedAsync("b"));
        Assert.Equal(0, await CachedAsync("c"));
        Assert.Equal(0, await CachedAsync("op"));
        // A request's own salt goes on with the tenant's, and can't stand for another's.
        string[] guesses = ["team", "salt team", "9:salt team", "name bob", "8:name bob"];
        foreach (string salt in guesses)
        {
            Assert.Equal(0, await CachedAsync("op", salt));
            Assert.Equal(0, await CachedAsync("a", salt));
        }

        async Task<int> CachedAsync(string key, string salt = "")
        {
            string text = string.Concat(Enumerable.Repeat("deep water ", 100));
            string prompt =
                path == Chat
                    ? $$"""
                        "messages":[{"role":"user","content":"{{text}}"}]
                        """
                    : $"""
                        "prompt":"{text}"
                        """;
            JsonElement answer = await PostAsync(
                app,
                path,
                key,
                $$"""{{{prompt}},"max_tokens":1,"cache_salt":"{{salt}}"}"""
            );
            return answer
                .GetProperty("usage")
                .GetProperty("prompt_tokens_details")
                .GetProperty("cached_tokens")
                .GetInt32();
        }
    }

    [Fact]
    public async Task A_tenant_has_so_many_requests_and_others_theirs()
    {
        using var engine = held.NewEngine();
        using var file = new KeyFile(
            """{"keys":[{"name":"a","key":"a","max_requests":2},{"name":"b","key":"b"}]}"""
        );
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKeysFile = file.Path
        );
        using var leave = new CancellationTokenSource();
        const string body = """{"prompt":"x","max_tokens":4,"temperature":0}""";
        Task<HttpResponseMessage>[] running =
        [
            .. Enumerable
                .Range(0, 2)
                .Select(_ => SendAsync(app, Completions, "a", body, leave.Token)),
        ];
        Waiting.Until(() => Under(app) == 2);
        using HttpResponseMessage refused = await SendAsync(app, Completions, "a", body);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Contains("key_limit", await refused.Content.ReadAsStringAsync(Cancellation));
        running = [.. running, SendAsync(app, Completions, "b", body, leave.Token)];
        Waiting.Until(() => Under(app) == 3);
        await leave.CancelAsync();
        foreach (Task<HttpResponseMessage> one in running)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        // Places are free again when the clients have gone.
        Waiting.Until(() => Under(app) == 0);
        await PostAsync(app, "/tokenize", "a", """{"prompt":"x"}""");
    }

    /// <summary>Prompts and choices are texts, and each takes a place of the engine.</summary>
    [Theory]
    [InlineData(Completions, """{"prompt":"x","n":2,"max_tokens":4}""")]
    [InlineData(Completions, """{"prompt":["x","y"],"max_tokens":4}""")]
    [InlineData(Chat, """{"messages":[{"role":"user","content":"x"}],"n":2,"max_tokens":4}""")]
    public async Task Each_text_of_a_request_counts(string path, string body)
    {
        using var engine = held.NewEngine();
        using var file = new KeyFile(
            """{"keys":[{"name":"a","key":"a","max_requests":3},{"name":"b","key":"b","max_requests":1}]}"""
        );
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKeysFile = file.Path
        );
        using HttpResponseMessage never = await SendAsync(app, path, "b", body);
        Assert.Equal(HttpStatusCode.BadRequest, never.StatusCode);
        using var leave = new CancellationTokenSource();
        Task<HttpResponseMessage> running = SendAsync(app, path, "a", body, leave.Token);
        Waiting.Until(() => app.Queued > 0);
        using HttpResponseMessage refused = await SendAsync(app, path, "a", body);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Waiting.Until(() => Under(app) == 0);
    }

    [Fact]
    public async Task A_tenant_has_so_many_requests_in_a_minute()
    {
        using var engine = held.NewEngine();
        using var file = new KeyFile(
            """{"keys":[{"name":"a","key":"a","requests_per_minute":2},{"name":"b","key":"b"}]}"""
        );
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKeysFile = file.Path
        );
        for (int i = 0; i < 2; i++)
            await PostAsync(app, "/tokenize", "a", """{"prompt":"x"}""");
        using HttpResponseMessage refused = await SendAsync(
            app,
            "/tokenize",
            "a",
            """{"prompt":"x"}"""
        );
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Contains(
            "rate_limit_exceeded",
            await refused.Content.ReadAsStringAsync(Cancellation)
        );
        await PostAsync(app, "/tokenize", "b", """{"prompt":"x"}""");
    }

    [Fact]
    public async Task Prompts_and_answers_of_a_tenant_are_bounded()
    {
        using var models = new ChatModels();
        using var file = new KeyFile(
            """{"keys":[{"name":"a","key":"a","max_prompt_tokens":8,"max_answer_tokens":3},{"name":"b","key":"b"}]}"""
        );
        await using ServerApp app = await ServerApp.StartAsync(
            models.V32,
            configure: options =>
            {
                options.Threads = 2;
                options.CacheTokens = ChatModels.ContextTokens;
                options.ApiKeysFile = file.Path;
            }
        );
        const string rest = "\"max_tokens\":6,\"min_tokens\":5,\"ignore_eos\":true}";
        JsonElement bounded = await PostAsync(
            app,
            Completions,
            "a",
            $$"""{"prompt":[1,2,3],{{rest}}"""
        );
        Assert.Equal(3, bounded.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal(
            "length",
            bounded.GetProperty("choices")[0].GetProperty("finish_reason").GetString()
        );
        JsonElement free = await PostAsync(
            app,
            Completions,
            "b",
            $$"""{"prompt":[1,2,3],{{rest}}"""
        );
        Assert.Equal(6, free.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        using HttpResponseMessage refused = await SendAsync(
            app,
            Completions,
            "a",
            $$"""{"prompt":[1,2,3,4,5,6,7,8,9],{{rest}}"""
        );
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains(
            "9 tokens, more than the 8",
            await refused.Content.ReadAsStringAsync(Cancellation)
        );
        await PostAsync(app, Completions, "b", $$"""{"prompt":[1,2,3,4,5,6,7,8,9],{{rest}}""");
    }

    [Theory]
    [InlineData("plain", HttpStatusCode.Forbidden)]
    [InlineData("scraper", HttpStatusCode.OK)]
    [InlineData("operator", HttpStatusCode.OK)]
    [InlineData("nobody", HttpStatusCode.Unauthorized)]
    public async Task Metrics_tell_of_all_and_are_for_keys_that_may_see_them(
        string key,
        HttpStatusCode status
    )
    {
        using var engine = held.NewEngine();
        using var file = new KeyFile(
            """{"keys":[{"name":"a","key":"plain"},{"name":"b","key":"scraper","metrics":true}]}"""
        );
        await using ServerApp app = await held.ServeAsync(
            engine,
            options =>
            {
                options.ApiKeysFile = file.Path;
                options.ApiKey = "operator";
            }
        );
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, response.StatusCode);
    }

    private static int Under(ServerApp app) => app.Services.GetRequiredService<RequestGate>().Count;

    private static Task<HttpResponseMessage> SendAsync(
        ServerApp app,
        string path,
        string key,
        string body,
        CancellationToken? cancellation = null
    )
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return app.Client.SendAsync(request, cancellation ?? Cancellation);
    }

    private static async Task<JsonElement> PostAsync(
        ServerApp app,
        string path,
        string key,
        string body
    )
    {
        using HttpResponseMessage response = await SendAsync(app, path, key, body);
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }
}
