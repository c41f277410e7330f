namespace Hadal.Cli;

/// <summary>What the tool ends with. From 128 on it is what a shell gives for a program that a signal ended.</summary>
internal static class ExitStatus
{
    public const int Failure = 1;
    public const int WrongUsage = 2;

    /// <summary>SIGHUP: the terminal is gone.</summary>
    public const int HungUp = 129;

    /// <summary>SIGINT, which Ctrl-C sends.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGPIPE: the output's reader is gone.</summary>
    public const int ReaderGone = 141;

    /// <summary>SIGTERM.</summary>
    public const int Terminated = 143;
}
