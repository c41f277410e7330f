using System.Diagnostics;
using System.Globalization;
using Hadal.Cli.Chatting;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

public sealed class ToolProgramTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(0.5);

    private readonly TemporaryFolder _folder = new();

    public ToolProgramTests() =>
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The programs are those of POSIX.");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_reads_the_arguments_and_writes_the_result()
    {
        const string arguments = """{"of": "é💡\n"}""";
        Assert.Equal(arguments, await RunAsync(Long, arguments, "cat"));
    }

    [Fact]
    public async Task No_shell_sees_the_command() =>
        Assert.Equal("$HOME; `id` *", await RunAsync(Long, "{}", "printf", "%s", "$HOME; `id` *"));

    [Theory]
    [InlineData(100)]
    [InlineData(4_000_000)]
    public async Task It_need_not_read(int length) =>
        Assert.Equal("", await RunAsync(Long, new string('x', length), "true"));

    [Fact]
    public async Task A_missing_program_is_named() =>
        Fails(await RunAsync(Long, "{}", "/no/such/program"), "/no/such/program", "No such file");

    [Fact]
    public async Task A_file_that_is_no_program_is_named()
    {
        string file = _folder.File("tool");
        await File.WriteAllTextAsync(file, "text", Cancellation);
        Fails(await RunAsync(Long, "{}", file), file, "Permission denied");
    }

    [Fact]
    public async Task A_status_and_what_was_said_of_it_are_told() =>
        Fails(
            await ScriptAsync(Long, "echo out; echo no such city >&2; exit 3"),
            "status 3",
            "no such city"
        );

    [Fact]
    public async Task Much_on_the_error_stream_is_cut()
    {
        string result = await ScriptAsync(
            Long,
            "head -c 3000000 /dev/zero | tr '\\0' e >&2; exit 3"
        );
        Fails(result, "status 3", "eee");
        Assert.InRange(result.Length, 4096, 5000);
    }

    [Fact]
    public async Task Output_has_a_bound()
    {
        string script = $"head -c {ToolProgram.MostOutput} /dev/zero | tr '\\0' a";
        Assert.Equal(new string('a', ToolProgram.MostOutput), await ScriptAsync(Long, script));
        Fails(await ScriptAsync(Long, $"{script}; printf a"), "1048576 bytes");
        Fails(await RunAsync(Long, "{}", "yes"), "1048576 bytes");
    }

    [Fact]
    public async Task Output_is_UTF_8() =>
        Fails(await ScriptAsync(Long, "printf 'a\\377'"), "not UTF-8");

    [Theory]
    [InlineData("wait")]
    [InlineData("cat >/dev/null; wait")]
    [InlineData("exec >&- 2>&-; wait")]
    [InlineData("yes >&2")]
    public async Task One_that_hangs_is_ended_with_all_that_it_started(string rest)
    {
        string result = await ScriptAsync(
            Short,
            $"sleep 300 & echo $$ $! > '{_folder.File("ids")}'; {rest}",
            new string('x', 1_000_000)
        );
        Fails(result, "did not end within 0.5 seconds");
        AllEnd();
    }

    [Fact]
    public async Task A_process_that_outlives_it_does_not_hold_the_chat_up()
    {
        string ids = _folder.File("ids");
        Fails(
            await ScriptAsync(Short, $"sleep 300 & echo $! > '{ids}'; echo done"),
            "did not end within"
        );
        using Process orphan = Process.GetProcessById(Ids()[0]);
        orphan.Kill();
    }

    [Fact]
    public async Task Cancellation_ends_it_with_all_that_it_started()
    {
        using var source = new CancellationTokenSource();
        Task<string> run = new ToolProgram(Long).RunAsync(
            ["sh", "-c", $"sleep 300 & echo $$ $! > '{_folder.File("ids")}'; wait"],
            "{}",
            source.Token
        );
        Waiting.Until(() => File.Exists(_folder.File("ids")) && Ids().Length == 2);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        AllEnd();
    }

    private static void Fails(string result, params string[] parts)
    {
        Assert.StartsWith("error: ", result, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, result, StringComparison.Ordinal));
    }

    private static Task<string> RunAsync(TimeSpan limit, string input, params string[] command) =>
        new ToolProgram(limit).RunAsync(command, input, Cancellation);

    private static Task<string> ScriptAsync(TimeSpan limit, string script, string input = "{}") =>
        RunAsync(limit, input, "sh", "-c", script);

    private int[] Ids() =>
        [
            .. File.ReadAllText(_folder.File("ids"))
                .Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
                .Select(id => int.Parse(id, CultureInfo.InvariantCulture)),
        ];

    /// <summary>Waits until the processes whose ids were written have ended; another process may have to collect them.</summary>
    private void AllEnd()
    {
        Assert.Equal(2, Ids().Length);
        Waiting.Until(() => !Ids().Any(IsRunning));
    }

    /// <summary>Whether a process runs: one that has ended may wait for its status to be read.</summary>
    internal static bool IsRunning(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}
