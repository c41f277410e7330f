using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Hadal.Cli.Chatting;

/// <summary>
/// Runs the program of a tool: without a shell, the arguments of the call on its standard input, its output the result. Whatever
/// goes wrong becomes a result that says so.
/// </summary>
/// <param name="limit">The longest that a program may run.</param>
internal sealed class ToolProgram(TimeSpan limit)
{
    /// <summary>The most bytes of a result.</summary>
    public const int MostOutput = 1 << 20;

    /// <summary>Bytes of the error stream that are kept.</summary>
    private const int MostErrors = 1 << 12;

    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="cancellationToken">Ends it, and the processes that it started.</param>
    public async Task<string> RunAsync(
        IReadOnlyList<string> command,
        string input,
        CancellationToken cancellationToken
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command.Skip(1))
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return Failure(
                $"'{command[0]}' can't be started: {(e.NativeErrorCode == 0 ? e.Message : Marshal.GetPInvokeErrorMessage(e.NativeErrorCode))}"
            );
        }
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(limit);
        try
        {
            return await ResultAsync(process, input, time.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failure(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"it did not end within {limit.TotalSeconds} seconds"
                )
            );
        }
        finally
        {
            Kill(process);
            // A process that outlives it may hold the pipes: reads that wait for that end with the closed streams or the process.
            process.StandardOutput.Dispose();
            process.StandardError.Dispose();
        }
    }

    private static async Task<string> ResultAsync(
        Process process,
        string input,
        CancellationToken time
    )
    {
        // A program need not read its input: nobody waits for that.
        // Pipes may block the thread, and not end when cancelled.
        _ = Task.Run(() => WriteAsync(process.StandardInput.BaseStream, input, time), time);
        Task<byte[]?> output = Task.Run(
            () => ReadAsync(process.StandardOutput.BaseStream, time),
            time
        );
        Task<string> errors = Task.Run(
            () => ReadStartAsync(process.StandardError.BaseStream, time),
            time
        );
        byte[]? result = await output.WaitAsync(time).ConfigureAwait(false);
        if (result is null)
            return Failure($"its output has more than {MostOutput} bytes");
        string told = await errors.WaitAsync(time).ConfigureAwait(false);
        await process.WaitForExitAsync(time).ConfigureAwait(false);
        if (process.ExitCode != 0)
            return Failure(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"it ended with status {process.ExitCode}{(told.Length > 0 ? $": {told}" : "")}"
                )
            );
        try
        {
            return s_utf8.GetString(result);
        }
        catch (DecoderFallbackException)
        {
            return Failure("its output is not UTF-8");
        }
    }

    private static string Failure(string problem) => $"error: the tool failed: {problem}";

    private static async Task WriteAsync(Stream stream, string text, CancellationToken time)
    {
        try
        {
            await using (stream.ConfigureAwait(false))
                await stream.WriteAsync(Encoding.UTF8.GetBytes(text), time).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException) { }
    }

    /// <summary>Reads to the end; null where that is too far.</summary>
    private static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken time)
    {
        using var read = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        while (await stream.ReadAsync(buffer, time).ConfigureAwait(false) is > 0 and var count)
        {
            if (read.Length + count > MostOutput)
                return null;
            read.Write(buffer, 0, count);
        }
        return read.ToArray();
    }

    /// <summary>Reads to the end, and keeps the start.</summary>
    private static async Task<string> ReadStartAsync(Stream stream, CancellationToken time)
    {
        using var read = new MemoryStream();
        byte[] buffer = new byte[MostErrors];
        while (await stream.ReadAsync(buffer, time).ConfigureAwait(false) is > 0 and var count)
            read.Write(buffer, 0, Math.Min(count, MostErrors - (int)read.Length));
        return Encoding.UTF8.GetString(read.ToArray()).Trim();
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        // It has ended, or some of its processes may not be killed.
        catch (Exception e)
            when (e is InvalidOperationException or Win32Exception or AggregateException) { }
    }
}
