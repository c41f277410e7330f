using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Hadal.Tests.Server;

/// <summary>Who may ask a server.</summary>
public sealed class AccessTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("Bearer wrong", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer ", HttpStatusCode.Unauthorized)]
    [InlineData("Basic right-key", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer right-key-and-more", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer right-key", HttpStatusCode.OK)]
    [InlineData("bearer right-key", HttpStatusCode.OK)]
    public async Task Key_is_wanted_where_there_is_one(string? header, HttpStatusCode status)
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKey = "right-key"
        );
        foreach (string path in (string[])["/v1/models", "/metrics", "/tokenize"])
        {
            using var request = Request(app, path);
            if (header is not null)
                request.Headers.TryAddWithoutValidation("Authorization", header);
            using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
            Assert.Equal(status, response.StatusCode);
        }
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/health")).Status);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/ready")).Status);
    }

    [Theory]
    [InlineData("localhost:80", HttpStatusCode.OK)]
    [InlineData("LOCALHOST", HttpStatusCode.OK)]
    [InlineData("[::1]:80", HttpStatusCode.OK)]
    [InlineData("evil.example", HttpStatusCode.Forbidden)]
    [InlineData("localhost.evil.example", HttpStatusCode.Forbidden)]
    public async Task Other_hosts_are_refused(string host, HttpStatusCode status)
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options =>
            {
                options.AllowedHosts.Add("localhost");
                options.AllowedHosts.Add("[::1]");
            }
        );
        foreach (string path in (string[])["/v1/models", "/tokenize", "/health"])
        {
            using var request = Request(app, path);
            request.Headers.Host = host;
            using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
            Assert.Equal(status, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("http://here.example:81", true, HttpStatusCode.OK)]
    [InlineData("http://here.example", false, HttpStatusCode.Forbidden)]
    [InlineData("http://here.example:82", false, HttpStatusCode.Forbidden)]
    [InlineData("https://evil.example", false, HttpStatusCode.Forbidden)]
    [InlineData("null", false, HttpStatusCode.Forbidden)]
    [InlineData("https://evil.example", true, HttpStatusCode.OK)]
    [InlineData("https://app.example", false, HttpStatusCode.OK)]
    [InlineData("https://app.example:444", false, HttpStatusCode.Forbidden)]
    public async Task Pages_of_other_hosts_are_refused(
        string origin,
        bool allows,
        HttpStatusCode status
    )
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options =>
            {
                options.AllowedOrigins.Add("https://app.example");
                if (allows && !origin.Contains("here"))
                    options.AllowedOrigins.Add("*");
            }
        );
        using var request = Request(app, "/tokenize");
        request.Headers.Host = "here.example:81";
        request.Headers.TryAddWithoutValidation("Origin", origin);
        using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, response.StatusCode);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Long_bodies_are_refused(bool tellsLength)
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.MaxBodyBytes = 1000
        );
        foreach (
            (int length, HttpStatusCode status) in ((int, HttpStatusCode)[])
                [(1000, HttpStatusCode.OK), (1001, HttpStatusCode.RequestEntityTooLarge)]
        )
        {
            string body = """{"prompt":"x"}""".PadRight(length);
            using var request = Request(app, "/tokenize", body);
            request.Headers.TransferEncodingChunked = !tellsLength;
            using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
            Assert.Equal(status, response.StatusCode);
        }
    }

    /// <summary>No more of it is kept than a body may have.</summary>
    [Fact]
    public async Task A_body_of_100_MB_is_refused()
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        using var request = Request(app, "/tokenize", new string(' ', 100_000_000));
        request.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        await app.PostAsync("/tokenize", """{"prompt":"x"}""");
    }

    [Fact]
    public async Task Conventions_are_for_all_endpoints()
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await ServerApp.StartAsync(
            held.Folder,
            engine,
            map: endpoints =>
                endpoints.Finally(endpoint =>
                {
                    RequestDelegate inner = endpoint.RequestDelegate!;
                    endpoint.RequestDelegate = context =>
                    {
                        context.Response.OnStarting(() =>
                        {
                            context.Response.Headers["X-Seen"] = "yes";
                            return Task.CompletedTask;
                        });
                        return inner(context);
                    };
                })
        );
        foreach (string path in (string[])["/v1/models", "/tokenize", "/health", "/metrics"])
        {
            using var request = Request(app, path);
            using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
            Assert.Equal(["yes"], response.Headers.GetValues("X-Seen"));
        }
    }

    private static HttpRequestMessage Request(
        ServerApp app,
        string path,
        string body = """{"prompt":"x"}"""
    )
    {
        bool posts = path == "/tokenize";
        return new HttpRequestMessage(posts ? HttpMethod.Post : HttpMethod.Get, path)
        {
            Content = posts ? new StringContent(body, Encoding.UTF8, "application/json") : null,
        };
    }
}
