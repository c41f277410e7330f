using System.Collections.Concurrent;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>The models of the goldens.</summary>
internal static class TestModels
{
    private static readonly ConcurrentDictionary<int, Device> Devices = new();

    public static string Folder(string name) =>
        name == "kjv-shakespeare"
            ? Paths.EmbeddedModel
            : Path.Combine(Paths.Goldens, name, "checkpoint");

    public static DeepSeekModel Load(string name, ModelOptions? options = null, int threads = 0)
    {
        Device device = Devices.GetOrAdd(threads, Device.Cpu);
        return DeepSeekModel.Load(
            Folder(name),
            device,
            options,
            cancellationToken: TestContext.Current.CancellationToken
        );
    }
}
