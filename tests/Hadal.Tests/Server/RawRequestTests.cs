using System.Net.Sockets;
using System.Text;

namespace Hadal.Tests.Server;

/// <summary>Requests that no client library sends.</summary>
public sealed class RawRequestTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Transfer-Encoding: chunked", "fffffffff\r\n{", "400")]
    [InlineData("Transfer-Encoding: chunked", "zz\r\n{", "400")]
    [InlineData("Content-Length: 100", "{", "408")]
    public async Task A_body_that_does_not_come_as_told_is_refused(
        string header,
        string body,
        string status
    )
    {
        using var engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.MaxBodyTime = TimeSpan.FromMilliseconds(200)
        );
        Uri address = app.Client.BaseAddress!;
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, Cancellation);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"POST /tokenize HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\n{header}\r\n\r\n{body}"
            ),
            Cancellation
        );
        using var reader = new StreamReader(stream);
        string? line = await reader.ReadLineAsync(Cancellation).AsTask().Soon();
        Assert.StartsWith($"HTTP/1.1 {status} ", line, StringComparison.Ordinal);
    }
}
