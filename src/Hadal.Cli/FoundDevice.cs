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
        // Where there is no card, asking for the first one tells why.
        IEnumerable<int> cards = Enumerable.Range(0, Math.Max(1, CountCards()));
        return
        [
            Try("cpu", () => Device.Cpu()),
            .. cards.Select(card => Try($"cuda:{card}", () => Device.Cuda(card))),
        ];
    }

    private static int CountCards()
    {
        try
        {
            return Device.CountCuda();
        }
        catch (HadalException)
        {
            return 0;
        }
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
