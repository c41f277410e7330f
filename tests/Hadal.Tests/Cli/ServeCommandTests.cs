using System.Diagnostics;
using System.Net;
using System.Text;

namespace Hadal.Tests.Cli;

public sealed class ServeCommandTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Other_addresses_than_loopback_want_a_key() =>
        (await CliResult.RunAsync("serve", "--host", "0.0.0.0", "--port", "0")).MustRefuse(
            2,
            "--host 0.0.0.0",
            "--api-key",
            "--no-auth"
        );

    [Theory]
    [InlineData("--host", "example.com")]
    [InlineData("--device", "gpu")]
    [InlineData("--cache-tokens", "0")]
    [InlineData("--chat-format", "v4")]
    [InlineData("--drafts", "9")]
    [InlineData("--cors-origin", "app.example")]
    public async Task Wrong_settings_are_named(string option, string value) =>
        (await CliResult.RunAsync("serve", "--port", "0", option, value)).MustRefuse(2, value);

    [Fact]
    public async Task A_file_of_keys_that_is_not_there_is_named() =>
        (await CliResult.RunAsync("serve", "--port", "0", "--api-keys", "nowhere.json")).MustRefuse(
            2,
            "ApiKeysFile",
            "nowhere.json"
        );

    [Fact]
    public async Task Key_and_no_key_contradict_each_other() =>
        (await CliResult.RunAsync("serve", "--no-auth", "--api-key", "k")).MustRefuse(
            2,
            "--no-auth"
        );

    /// <summary>Starts, answers, keeps foreign hosts out, ends what runs when it is told to stop, and succeeds.</summary>
    [Fact]
    public async Task It_serves_until_it_is_told_to_stop()
    {
        using Process process = ToolProcess.Start(
            $"exec {ToolProcess.Hadal} serve --port 0 --threads 2 --model-name kjv --no-page --record-selection --cors-origin https://app.example"
        );
        try
        {
            await ServeAndStopAsync(process);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static async Task ServeAndStopAsync(Process process)
    {
        string? line = await process.StandardError.ReadLineAsync(Cancellation);
        Assert.StartsWith("kjv at http://127.0.0.1:", line, StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = new Uri(line!.Split(' ', ',')[2]) };
        while (!(await client.GetAsync("/ready", Cancellation)).IsSuccessStatusCode)
            await Task.Delay(20, Cancellation);

        string state = await client.GetStringAsync("/ready", Cancellation);
        Assert.Contains("\"records_selection\":true", state, StringComparison.Ordinal);
        using (HttpResponseMessage page = await client.GetAsync("/", Cancellation))
            Assert.Equal(HttpStatusCode.NotFound, page.StatusCode);

        using (var foreign = new HttpRequestMessage(HttpMethod.Get, "/v1/models"))
        {
            foreign.Headers.Host = "evil.example";
            using HttpResponseMessage refused = await client.SendAsync(foreign, Cancellation);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }
        Assert.Equal("https://app.example", await CorsAsync(client, "https://app.example"));
        Assert.Null(await CorsAsync(client, "https://evil.example"));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent(
                """{"prompt":"secret words","max_tokens":300,"ignore_eos":true,"stream":true}""",
                Encoding.UTF8,
                "application/json"
            ),
        };
        using HttpResponseMessage response = await client.SendAsync(
            request,
            HttpCompletionOption.ResponseHeadersRead,
            Cancellation
        );
        using var stop = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        string answer = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.EndsWith("data: [DONE]\n\n", answer, StringComparison.Ordinal);
        Assert.Contains("\"finish_reason\":\"length\"", answer, StringComparison.Ordinal);
        CliResult result = await ToolProcess.EndAsync(process);
        Assert.Equal(0, result.Status);
        Assert.DoesNotContain("secret", result.Error, StringComparison.Ordinal);
    }

    /// <summary>The origin whose pages may read answers, as a browser asks before it posts JSON.</summary>
    private static async Task<string?> CorsAsync(HttpClient client, string origin)
    {
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/v1/completions");
        preflight.Headers.Add("Origin", origin);
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "content-type");
        using HttpResponseMessage response = await client.SendAsync(preflight, Cancellation);
        return response.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed)
            ? allowed.Single()
            : null;
    }
}
