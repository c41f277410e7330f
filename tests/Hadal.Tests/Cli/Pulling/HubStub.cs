using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>
/// A hub on this machine with one repository, <c>org/repo</c>. Like the real one it sends small files by a redirection
/// within itself, and *.safetensors by one to a storage of another name: <c>localhost</c>, where the hub is
/// <c>127.0.0.1</c>. Each connection carries one request.
/// </summary>
internal sealed class HubStub : IDisposable
{
    public const string FirstCommit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<StubRequest> _requests = [];
    private readonly Lock _lock = new();
    private int _open;

    public HubStub()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    public int Port { get; }

    public string Endpoint => $"http://127.0.0.1:{Port}";

    public string Storage => $"http://localhost:{Port}";

    public string Commit { get; set; } = FirstCommit;

    /// <summary>Contents by path.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>The list as the hub tells it, before it is sent.</summary>
    public Action<JsonObject> ChangeList { get; set; } = _ => { };

    /// <summary>Makes another answer of the right one.</summary>
    public Func<StubRequest, StubReply, StubReply> Change { get; set; } = (_, reply) => reply;

    public IReadOnlyCollection<StubRequest> Requests => _requests;

    public int ContentRequests => _requests.Count(request => request.IsContent);

    /// <summary>Most requests for contents that were answered at the same time.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>A small repository, with files that a model does not need.</summary>
    public static HubStub WithModel()
    {
        var stub = new HubStub();
        var random = new Random(1);
        foreach ((string path, int size) in s_model)
        {
            var content = new byte[size];
            random.NextBytes(content);
            stub.Files[path] = content;
        }
        return stub;
    }

    private static readonly (string Path, int Size)[] s_model =
    [
        ("config.json", 700),
        ("model.safetensors.index.json", 4000),
        ("model-00001-of-00002.safetensors", 300_000),
        ("model-00002-of-00002.safetensors", 200_001),
        ("tokenizer.json", 0),
        ("encoding/encoding.py", 900),
        ("LICENSE", 50),
        ("README.md", 60),
        ("pytorch_model.bin", 70),
        ("inference/config.json", 80),
        ("figures/cost.png", 90),
    ];

    /// <summary>Paths of the model that a pull takes.</summary>
    public static string[] Needed { get; } = [.. s_model.Select(f => f.Path).SkipLast(3)];

    public static string GitBlob(byte[] content) =>
        Convert.ToHexStringLower(
            CryptographicOperations.HashData(
                HashAlgorithmName.SHA1,
                [.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]
            )
        );

    public static bool IsLarge(string path) =>
        path.EndsWith(".safetensors", StringComparison.Ordinal);

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        CancellationToken end = _end.Token;
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync(end);
                _ = ServeAsync(socket, end);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException) { }
    }

    private async Task ServeAsync(Socket socket, CancellationToken end)
    {
        using Socket owned = socket;
        try
        {
            StubRequest request = await ReadAsync(socket, end);
            _requests.Enqueue(request);
            if (request.IsContent)
                Count(1);
            try
            {
                await SendAsync(socket, Change(request, Answer(request)), end);
            }
            finally
            {
                if (request.IsContent)
                    Count(-1);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException) { }
    }

    private void Count(int change)
    {
        lock (_lock)
        {
            _open += change;
            MostAtOnce = Math.Max(MostAtOnce, _open);
        }
    }

    private static async Task<StubRequest> ReadAsync(Socket socket, CancellationToken end)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            int count = await socket.ReceiveAsync(buffer, end);
            if (count == 0)
                throw new OperationCanceledException();
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }
        string[] lines = text.ToString().Split("\r\n");
        string? range = Header("Range: bytes=");
        return new StubRequest(
            Header("Host: ")!.Split(':')[0],
            lines[0].Split(' ')[1],
            Header("Authorization: "),
            range is null ? null : long.Parse(range.TrimEnd('-'), CultureInfo.InvariantCulture)
        );

        string? Header(string start) =>
            lines
                .FirstOrDefault(l => l.StartsWith(start, StringComparison.Ordinal))
                ?[start.Length..];
    }

    private StubReply Answer(StubRequest request)
    {
        if (request.Path == "/api/models/org/repo/revision/main?blobs=true")
            return new StubReply(200, Encoding.UTF8.GetBytes(List().ToJsonString()));
        string resolve = $"/org/repo/resolve/{Commit}/";
        if (request.Path.StartsWith(resolve, StringComparison.Ordinal))
        {
            string path = request.Path[resolve.Length..];
            return StubReply.Redirect(
                IsLarge(path) ? $"{Storage}/storage/{path}" : $"/api/resolve-cache/{path}"
            );
        }
        string name = request
            .Path.Replace("/storage/", "", StringComparison.Ordinal)
            .Replace("/api/resolve-cache/", "", StringComparison.Ordinal);
        return request.IsContent && Files.TryGetValue(name, out byte[]? content)
            ? Content(content, request.From)
            : new StubReply(404, []);
    }

    private static StubReply Content(byte[] content, long? from) =>
        from is { } first
            ? new StubReply(206, content[(int)first..])
            {
                Headers = [$"Content-Range: bytes {first}-{content.Length - 1}/{content.Length}"],
            }
            : new StubReply(200, content);

    private JsonObject List()
    {
        var files = new JsonArray();
        foreach ((string path, byte[] content) in Files)
        {
            var file = new JsonObject
            {
                ["rfilename"] = path,
                ["size"] = content.Length,
                // Of a large file it is the pointer's, which nobody gets.
                ["blobId"] = IsLarge(path) ? new string('0', 40) : GitBlob(content),
            };
            if (IsLarge(path))
                file["lfs"] = new JsonObject
                {
                    ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(content)),
                    ["size"] = content.Length,
                    ["pointerSize"] = 134,
                };
            files.Add(file);
        }
        var list = new JsonObject
        {
            ["id"] = "org/repo",
            ["sha"] = Commit,
            ["gated"] = false,
            ["cardData"] = new JsonObject { ["license"] = "mit" },
            ["siblings"] = files,
        };
        ChangeList(list);
        return list;
    }

    private static async Task SendAsync(Socket socket, StubReply reply, CancellationToken end)
    {
        string length = reply.Length is { } said ? $"Content-Length: {said}\r\n" : "";
        string headers = string.Concat(reply.Headers.Select(line => line + "\r\n"));
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(
                $"HTTP/1.1 {reply.Status} Stub\r\nConnection: close\r\n{length}{headers}\r\n"
            ),
            end
        );
        if (reply.Until is { } until)
            await until.WaitAsync(end);
        do await SendAllAsync(
            socket,
            reply.Body.AsMemory(0, reply.BreakAfter ?? reply.Body.Length),
            end
        );
        while (reply.IsEndless);
        if (reply.IsReset)
            socket.LingerState = new LingerOption(true, 0);
        else
            socket.Shutdown(SocketShutdown.Both);
    }

    private static async Task SendAllAsync(
        Socket socket,
        ReadOnlyMemory<byte> bytes,
        CancellationToken end
    )
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, end)..];
    }
}
