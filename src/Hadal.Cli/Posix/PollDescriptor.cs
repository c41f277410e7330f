namespace Hadal.Cli.Posix;

/// <summary><c>struct pollfd</c>.</summary>
internal struct PollDescriptor
{
    public int Descriptor;
    public short Wanted;
    public short Got;
}
