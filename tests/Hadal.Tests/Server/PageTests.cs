using System.Net;
using System.Text.RegularExpressions;
using Hadal.Server;
using Hadal.Server.Page;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Hadal.Tests.Server;

/// <summary>The files of the page.</summary>
public sealed partial class PageTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/page/page.js", "text/javascript")]
    [InlineData("/page/theme.css", "text/css")]
    [InlineData("/page/icon.svg", "image/svg+xml")]
    public async Task Files_come_with_type_policy_and_tag(string path, string type)
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKey = "key"
        );
        using HttpResponseMessage response = await app.Client.GetAsync(path, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", Header(response, "X-Content-Type-Options"));
        string policy = Header(response, "Content-Security-Policy");
        Assert.Contains("default-src 'self'", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);

        using var again = new HttpRequestMessage(HttpMethod.Get, path);
        again.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        using HttpResponseMessage same = await app.Client.SendAsync(again, Cancellation);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        Assert.Empty(await same.Content.ReadAsByteArrayAsync(Cancellation));
    }

    [Theory]
    [InlineData("/page/none.js", HttpStatusCode.NotFound)]
    [InlineData("/page/..%2fappsettings.json", HttpStatusCode.NotFound)]
    [InlineData("/page/trace.html", HttpStatusCode.NotFound)]
    public async Task There_are_no_others(string path, HttpStatusCode status)
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        using HttpResponseMessage response = await app.Client.GetAsync(path, Cancellation);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task It_can_be_left_out()
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine, options => options.Page = false);
        foreach (string path in (string[])["/", "/page/page.js"])
        {
            using HttpResponseMessage response = await app.Client.GetAsync(path, Cancellation);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public async Task Other_hosts_do_not_have_it()
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.AllowedHosts.Add("localhost")
        );
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Host = "evil.example";
        using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task It_gives_way_to_the_application_and_lies_below_its_groups()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddHadal(options =>
        {
            options.Model = held.Folder;
            options.DrainTime = TimeSpan.Zero;
        });
        await using WebApplication app = builder.Build();
        app.MapGet("/", static () => "mine");
        app.MapHadal();
        app.MapGroup("/below").MapHadal();
        await app.StartAsync(Cancellation);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Assert.Equal("mine", await client.GetStringAsync("/", Cancellation));
        using HttpResponseMessage below = await client.GetAsync("/below", Cancellation);
        Assert.Equal("/below/", below.RequestMessage!.RequestUri!.AbsolutePath);
        Assert.Contains(
            "<title>Hadal</title>",
            await below.Content.ReadAsStringAsync(Cancellation),
            StringComparison.Ordinal
        );
        using HttpResponseMessage file = await client.GetAsync("/below/page/page.js", Cancellation);
        Assert.Equal(HttpStatusCode.OK, file.StatusCode);
        await app.StopAsync(Cancellation);
    }

    [Fact]
    public void Nothing_in_it_comes_from_elsewhere_or_stands_in_line()
    {
        Assert.Contains(PageFile.Index, PageFile.Names);
        foreach (string name in PageFile.Names)
        {
            string text = System.Text.Encoding.UTF8.GetString(PageFile.Find(name)!.Content);
            Assert.DoesNotMatch(ElsewhereRegex(), text);
            Assert.DoesNotMatch(MarkupRegex(), text);
        }
    }

    private static string Header(HttpResponseMessage response, string name) =>
        Assert.Single(response.Headers.GetValues(name));

    [GeneratedRegex("""(https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]""")]
    private static partial Regex ElsewhereRegex();

    [GeneratedRegex(
        """innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|<style|\son[a-z]+="|\sstyle="""
    )]
    private static partial Regex MarkupRegex();
}
