using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Hadal.PackageTests;

/// <summary>A web application that takes the packages is published as native code, and answers.</summary>
public sealed partial class ServerTests
{
    private static readonly string Rid =
        $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_native_server_answers()
    {
        using var consumer = new Consumer(
            "Samples/Serving.cs",
            "Hadal.Server",
            $"Hadal.Runtime.Cpu.{Rid}"
        );
        string folder = Path.Combine(consumer.Folder, "published");
        // Warnings of the trimmer and of the AOT compiler are errors in this project.
        await consumer.DotnetAsync(
            "publish",
            "-o",
            folder,
            "-v",
            "q",
            "-r",
            Rid,
            "-p:PublishAot=true",
            "-p:CppCompilerAndLinker=gcc"
        );
        var start = new ProcessStartInfo(
            Path.Combine(folder, "Consumer"),
            [Repository.EmbeddedModel]
        )
        {
            RedirectStandardOutput = true,
        };
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["Hadal__ModelName"] = "sea";
        using Process process = Process.Start(start)!;
        try
        {
            using var client = new HttpClient { BaseAddress = await AddressAsync(process) };
            await AnswerAsync(client);
        }
        finally
        {
            process.Kill();
        }
    }

    private static async Task AnswerAsync(HttpClient client)
    {
        while (!(await client.GetAsync("/ready", Cancellation)).IsSuccessStatusCode)
            await Task.Delay(50, Cancellation);
        using var body = new StringContent(
            """{"messages":[{"role":"user","content":"x"}],"max_tokens":64,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"enum":["deep"]}}}}""",
            Encoding.UTF8,
            "application/json"
        );
        using HttpResponseMessage response = await client.PostAsync(
            "/v1/chat/completions",
            body,
            Cancellation
        );
        string answer = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, answer);
        Assert.Contains("\"model\":\"sea\"", answer, StringComparison.Ordinal);
        Assert.Contains("\"content\":\"\\\"deep\\\"\"", answer, StringComparison.Ordinal);
    }

    private static async Task<Uri> AddressAsync(Process process)
    {
        while (await process.StandardOutput.ReadLineAsync(Cancellation) is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
                return new Uri(match.Groups[1].Value);
        }
        throw new InvalidOperationException("The server ended before it listened.");
    }

    [GeneratedRegex("Now listening on: (http://\\S+)")]
    private static partial Regex Listening();
}
