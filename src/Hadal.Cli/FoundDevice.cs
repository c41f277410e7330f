namespace Hadal.Cli;

/// <summary>A device of this machine, or why there is none of a kind.</summary>
internal sealed record FoundDevice(string Id)
{
    public string Name { get; private init; } = "";

    public string Isa { get; private init; } = "";

    public int Threads { get; private init; }

    public long MemoryBytes { get; private init; }

    public long FreeMemoryBytes { get; private init; }

    /// <summary>Why it can't be used; null where it can.</summary>
    public string? WhyNot { get; private init; }

    public static List<FoundDevice> All()
    {
        bool namesBackend = Environment.GetEnvironmentVariable("HADAL_BACKEND") is not null;
        return
        [
            Try("cpu", () => Device.Cpu()),
            .. Each("cuda", Device.CountCuda, Device.Cuda),
            .. namesBackend ? Each("external", Device.CountExternal, Device.External) : [],
        ];
    }

    /// <summary>All of a kind; where there is none, asking for the first one tells why.</summary>
    private static IEnumerable<FoundDevice> Each(
        string kind,
        Func<int> count,
        Func<int, Device> open
    )
    {
        int found;
        try
        {
            found = count();
        }
        catch (HadalException)
        {
            found = 0;
        }
        return Enumerable
            .Range(0, Math.Max(1, found))
            .Select(ordinal => Try($"{kind}:{ordinal}", () => open(ordinal)));
    }

    private static FoundDevice Try(string id, Func<Device> open)
    {
        try
        {
            using Device device = open();
            return new FoundDevice(id)
            {
                Name = device.Name,
                Isa = device.Isa,
                Threads = device.ThreadCount,
                MemoryBytes = device.MemoryBytes,
                FreeMemoryBytes = device.FreeMemoryBytes,
            };
        }
        catch (HadalException e)
        {
            return new FoundDevice(id) { WhyNot = e.Message };
        }
    }
}
