using Hadal.Bindings;

namespace Hadal.Tests.Cuda;

/// <summary>The first CUDA device, a card or the emulated one, for tests that want it.</summary>
internal static class CudaDevice
{
    /// <summary>Opens it, or skips the test and tells why there is none.</summary>
    public static Device OpenOrSkip()
    {
        try
        {
            return Device.Cuda();
        }
        catch (NativeUnsupportedException e)
        {
            Assert.Skip($"no CUDA device, so nothing was run: {e.Message}");
            throw;
        }
    }

    /// <summary>Skips the test unless the device is the emulated one, whose faults an environment variable chooses.</summary>
    public static void SkipUnlessEmulated()
    {
        using Device device = OpenOrSkip();
        Assert.SkipUnless(
            device.Name.Contains("emulated", StringComparison.Ordinal),
            $"faults are made on the emulated device alone; this is {device}"
        );
    }
}
