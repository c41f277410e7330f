using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Tests.Model;

/// <summary>Devices of a third party's backend: what they can do is as they tell, whatever they are.</summary>
[Collection(nameof(WholeProcess))]
public sealed class ExternalDeviceTests
{
    private const StringComparison Ordinal = StringComparison.Ordinal;

    [Fact]
    public void What_a_backend_tells_is_what_the_device_can()
    {
        using var backend = new MinimalBackend("minimal");
        Assert.Equal(1, Device.CountExternal());
        using var device = Device.External();
        Assert.Equal(DeviceKind.External, device.Kind);
        Assert.Equal("Minimal accelerator (none)", device.ToString());
        Assert.True(device.ReadsHostMemory);
        Assert.False(device.RunsFloat32);
        Assert.False(device.RecordsSteps);
        Assert.False(device.MultipliesFp8Heads);
        Assert.Equal(1, device.GroupAlignment);
        Assert.True(device.IsSynchronous);
    }

    [Fact]
    public void A_backend_that_tells_nothing_can_nothing_special()
    {
        using var backend = new MinimalBackend("older");
        using var device = Device.External();
        Assert.Equal(DeviceKind.External, device.Kind);
        Assert.False(device.ReadsHostMemory);
        Assert.False(device.RunsFloat32);
        Assert.False(device.RecordsSteps);
        Assert.False(device.MultipliesFp8Heads);
        Assert.Equal(128, device.GroupAlignment);
        Assert.False(device.IsSynchronous);
    }

    [Fact]
    public void The_processor_tells_what_it_can()
    {
        using var device = Device.Cpu(1);
        Assert.True(device.ReadsHostMemory);
        Assert.True(device.RunsFloat32);
        Assert.False(device.RecordsSteps);
        Assert.Equal(device.Isa == "avx512", device.MultipliesFp8Heads);
        Assert.Equal(1, device.GroupAlignment);
        Assert.True(device.IsSynchronous);
    }

    [Fact]
    public void An_operation_that_it_lacks_is_named_when_a_model_is_loaded()
    {
        using var backend = new MinimalBackend("minimal");
        using var device = Device.External();
        var error = Assert.Throws<NativeUnsupportedException>(() => Load(device));
        Assert.Contains("the minimal backend has no hd_", error.Message, Ordinal);
    }

    [Theory]
    [InlineData("minimal", true)]
    [InlineData("older", false)]
    public unsafe void Weights_are_copied_unless_the_device_reads_them_where_they_are(
        string name,
        bool inPlace
    )
    {
        using var backend = new MinimalBackend(name);
        using var device = Device.External();
        using var checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        using var memory = new DeviceMemory(device);
        using var kernels = new Kernels(memory);
        var weights = new WeightLoader(
            checkpoint,
            new ModelPlan(checkpoint.Config, new ModelOptions(), device),
            memory,
            kernels,
            progress: null,
            TestContext.Current.CancellationToken
        );
        TensorView norm = checkpoint["model.norm.weight"];
        DeviceTensor loaded = weights.Vector(norm.Name);
        Assert.Equal(inPlace, loaded.Data == norm.Data);
        Assert.Equal(inPlace ? 0 : norm.ByteLength, memory.AllocatedBytes);
        Assert.True(
            new ReadOnlySpan<byte>(loaded.Data, (int)norm.ByteLength).SequenceEqual(
                new ReadOnlySpan<byte>(norm.Data, (int)norm.ByteLength)
            )
        );
    }

    [Fact]
    public void Float32_is_refused_where_it_does_not_run()
    {
        using var backend = new MinimalBackend("minimal");
        using var device = Device.External();
        var options = new ModelOptions { Activations = ActivationMode.Float32 };
        var error = Assert.Throws<ArgumentException>(() => Load(device, options));
        Assert.Contains(
            "Activations is Float32, which Minimal accelerator (none) does not run",
            error.Message,
            Ordinal
        );
    }

    [Fact]
    public void The_expanded_form_is_refused_where_it_does_not_run()
    {
        using var backend = new MinimalBackend("minimal");
        using var device = Device.External();
        var options = new ModelOptions { PrefillForm = PrefillForm.ByPosition };
        var error = Assert.Throws<ArgumentException>(() => Load(device, options));
        Assert.Contains(
            "PrefillForm is ByPosition, which Minimal accelerator (none) does not run for heads of 128 + 64 and 128; take Absorbed",
            error.Message,
            Ordinal
        );
    }

    /// <summary>kv_b_proj: four layers of four heads of 128 + 128 rows by 512 columns in bf16.</summary>
    [Fact]
    public void Heads_are_expanded_where_they_are_not_multiplied_as_they_are()
    {
        using var backend = new MinimalBackend("minimal");
        using var device = Device.External();
        using var checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        Assert.Equal(
            4 * 2 * (4 * 256 * 512),
            new CheckpointSummary(checkpoint, device).ExpandedBytes
        );
    }

    [Fact]
    public void Without_a_named_backend_the_variable_is_told()
    {
        Assert.SkipWhen(
            Environment.GetEnvironmentVariable("HADAL_BACKEND") is not null,
            "HADAL_BACKEND is set"
        );
        var error = Assert.Throws<NativeInvalidArgumentException>(() => Device.External());
        Assert.Contains("HADAL_BACKEND is unset", error.Message, Ordinal);
    }

    private static void Load(Device device, ModelOptions? options = null) =>
        DeepSeekModel
            .Load(
                Paths.EmbeddedModel,
                device,
                options,
                cancellationToken: TestContext.Current.CancellationToken
            )
            .Dispose();
}
