using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

public sealed class GraphHandleTests
{
    [Fact]
    public void TheCpuHasNoGraphsAndSaysWhatToDo()
    {
        using var device = DeviceHandle.Create(
            hd_device_kind.HD_DEVICE_CPU,
            ordinal: 0,
            threadCount: 1
        );
        using var stream = StreamHandle.Create(device);
        var recorded = false;
        var error = Assert.Throws<NativeUnsupportedException>(() =>
            GraphHandle.Record(stream, () => recorded = true)
        );
        Assert.Contains(
            "the cpu backend has no graphs; make the kernel calls instead",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.False(recorded);
    }
}
