using Hadal.Cli;
using Hadal.Cli.Hub;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>Pulls from a stub into folders of one test's own.</summary>
internal sealed class PullRun(HubStub stub) : IDisposable
{
    private readonly TemporaryFolder _parent = new();

    public HastyClock Clock { get; } = new();

    /// <summary>The plain folder.</summary>
    public string Folder => _parent.File("model");

    /// <summary>The cache.</summary>
    public string Cache => _parent.File("hub");

    public string? Token { get; init; }

    public long Free { get; init; } = long.MaxValue;

    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    public string Repository { get; init; } = "org/repo";

    public int Connections { get; init; } = 4;

    public bool IsDry { get; init; }

    public string[] Include { get; init; } = [];

    public void Dispose() => _parent.Dispose();

    public Task<CliResult> ToFolderAsync(CancellationToken cancellationToken = default) =>
        RunAsync(Folder, cancellationToken);

    public Task<CliResult> ToCacheAsync() => RunAsync(null, default);

    /// <summary>What a file of the folder holds.</summary>
    public byte[] Read(string path) => File.ReadAllBytes(Path.Combine(Folder, path));

    /// <summary>All paths below a folder, with slashes; links are not followed.</summary>
    public static string[] Paths(string folder) =>
        Directory.Exists(folder)
            ?
            [
                .. Directory
                    .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                    .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
                    .Order(StringComparer.Ordinal),
            ]
            : [];

    /// <summary>Asserts that the folder has the needed files of the stub, and nothing else.</summary>
    public void MustBeWhole()
    {
        Assert.Equal(HubStub.Needed.Order(StringComparer.Ordinal), Paths(Folder));
        Assert.All(HubStub.Needed, path => Assert.Equal(stub.Files[path], Read(path)));
    }

    private async Task<CliResult> RunAsync(string? folder, CancellationToken cancellationToken)
    {
        HubSettings settings = new()
        {
            Endpoint = new Uri(stub.Endpoint),
            Token = Token,
            CacheFolder = Cache,
            Clock = Clock,
            Patience = Patience,
        };
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal
        {
            Piped = null,
            Keyboard = TextReader.Null,
            Output = output,
            Error = error,
        };
        await new Puller(settings, terminal) { FreeSpace = _ => Free }
            .RunAsync(
                new PullRequest
                {
                    Repository = RepositoryName.Parse(Repository),
                    Folder = folder,
                    Choice = new FileChoice(Include),
                    Connections = Connections,
                    IsDry = IsDry,
                },
                cancellationToken
            )
            .Soon();
        return new CliResult(0, output.ToString(), error.ToString());
    }
}
