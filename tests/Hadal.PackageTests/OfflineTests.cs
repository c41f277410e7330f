using System.Runtime.InteropServices;

namespace Hadal.PackageTests;

/// <summary>
/// No telemetry: the library and the tool work on a machine without a network, and make no socket that could leave it.
/// </summary>
public sealed class OfflineTests
{
    private static readonly string Rid =
        $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>Stands before libc's, and writes down each socket but those of the machine itself.</summary>
    private const string Watcher = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <netdb.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/socket.h>

        static void note(const char* what) {
          FILE* log = fopen(getenv("SOCKET_LOG"), "a");
          fprintf(log, "%s\n", what);
          fclose(log);
        }
        int socket(int domain, int type, int protocol) {
          if (domain == AF_INET || domain == AF_INET6) note("socket");
          int (*next)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
          return next(domain, type, protocol);
        }
        int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
          note(node ? node : "getaddrinfo");
          return EAI_NONAME;
        }
        """;

    [Fact]
    public async Task The_library_opens_no_socket()
    {
        using var consumer = new Consumer(
            "Samples/Streaming.cs",
            "Hadal",
            $"Hadal.Runtime.Cpu.{Rid}"
        );
        await consumer.DotnetAsync("publish", "-v", "q", "-o", "published");
        string program = Path.Combine(consumer.Folder, "published", "Consumer.dll");
        Command run = await RunAsync(consumer, "dotnet", program, Repository.EmbeddedModel);
        Assert.True(run.Output.Split(' ').Length > 5, run.Output);
    }

    [Fact]
    public async Task The_tool_opens_no_socket()
    {
        using var consumer = new Consumer("Samples/Streaming.cs", "Hadal.Cli");
        await consumer.InstallToolAsync();
        foreach (
            string[] arguments in (string[][])
                [
                    ["devices"],
                    ["inspect", "--model", Repository.EmbeddedModel],
                    ["tokenize", "--model", Repository.EmbeddedModel, "In the beginning"],
                    ["generate", "--max-tokens", "20", "In the beginning"],
                ]
        )
            Assert.NotEmpty((await RunAsync(consumer, [consumer.Tool, .. arguments])).Output);
    }

    [Fact]
    public async Task A_socket_would_be_seen()
    {
        using var consumer = new Consumer("Programs/OpenSocket.cs", "Hadal");
        await consumer.DotnetAsync("publish", "-v", "q", "-o", "published");
        string program = Path.Combine(consumer.Folder, "published", "Consumer.dll");
        await NeedNamespaceAsync();
        Exception seen = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() =>
            RunAsync(consumer, "dotnet", program)
        );
        Assert.Contains("hadal.invalid", seen.Message, StringComparison.Ordinal);
    }

    /// <summary>In a network namespace of its own, which has not even a loopback.</summary>
    private static async Task<Command> RunAsync(Consumer consumer, params string[] command)
    {
        await NeedNamespaceAsync();
        string watcher = Path.Combine(consumer.Folder, "watcher.so");
        await File.WriteAllTextAsync(
            Path.Combine(consumer.Folder, "watcher.c"),
            Watcher,
            TestContext.Current.CancellationToken
        );
        await consumer.RunAsync("gcc", "-shared", "-fPIC", "watcher.c", "-o", watcher, "-ldl");
        string log = Path.Combine(consumer.Folder, "sockets.txt");
        Command run = await Command.SucceedAsync(
            consumer.Folder,
            new Dictionary<string, string?>(Consumer.Environment)
            {
                ["LD_PRELOAD"] = watcher,
                ["SOCKET_LOG"] = log,
            },
            "unshare",
            ["--map-root-user", "--net", .. command]
        );
        string sockets = File.Exists(log)
            ? await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken)
            : "";
        Assert.True(sockets.Length == 0, $"{string.Join(' ', command)} opened:\n{sockets}");
        return run;
    }

    private static async Task NeedNamespaceAsync()
    {
        Command own = await Command.RunAsync(
            Repository.Root,
            Consumer.Environment,
            "sh",
            "-c",
            "unshare --map-root-user --net true"
        );
        Assert.SkipUnless(own.Status == 0, $"No network namespace can be made here: {own.Error}");
    }
}
