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
        List<FoundDevice> devices = [Try("cpu", () => Device.Cpu())];
        for (int ordinal = 0; ; ordinal++)
        {
            int number = ordinal;
            FoundDevice device = Try($"cuda:{ordinal}", () => Device.Cuda(number));
            // Beyond the last card is not worth a word; that there is no first one is.
            if (device.WhyNot is null || ordinal == 0)
                devices.Add(device);
            if (device.WhyNot is not null)
                return devices;
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
