using Hadal.Checkpoints;

namespace Hadal.Model;

/// <content>Loading.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>
    /// Opens a checkpoint and loads it. Loading runs on the caller's thread, with the device's for the CPU, and
    /// touches nothing of other models, so that several may load at once.
    /// </summary>
    /// <param name="folder">A folder in the Hugging Face layout.</param>
    /// <param name="device">What to run on, which remains the caller's. It must be open to make caches, not to run steps.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <param name="progress">Is told of each tensor.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
    /// <exception cref="ArgumentException">The options do not suit the checkpoint or the device.</exception>
    /// <exception cref="CheckpointException">Something in the folder is missing, broken or not supported.</exception>
    /// <exception cref="DeviceMemoryException">The device has too little free memory; nothing was uploaded.</exception>
    public static DeepSeekModel Load(
        string folder,
        Device device,
        ModelOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(device);
        options ??= new ModelOptions();
        using Checkpoint checkpoint = Checkpoint.Open(
            folder,
            new CheckpointOptions { Mapping = options.Mapping },
            cancellationToken: cancellationToken
        );
        return Load(checkpoint, device, options, progress, cancellationToken);
    }

    /// <summary>
    /// Loads an open checkpoint, as <see cref="Load(string, Device, ModelOptions, IProgress{LoadProgress}, CancellationToken)"/>
    /// does. Several models may share it.
    /// </summary>
    /// <param name="checkpoint">
    /// The checkpoint, which remains the caller's. It may be disposed of any time after loading: where the device reads the
    /// host's memory, as the CPU does, the model keeps that of the weights until its own disposal; elsewhere they are copied.
    /// </param>
    /// <param name="device">What to run on, which remains the caller's. It must be open to make caches, not to run steps.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <param name="progress">Is told of each tensor.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
    /// <exception cref="ArgumentException">The options do not suit the checkpoint or the device.</exception>
    /// <exception cref="CheckpointException">A tensor is of a type that is not supported, or has values that can't be.</exception>
    /// <exception cref="ObjectDisposedException">The checkpoint was disposed of.</exception>
    /// <exception cref="DeviceMemoryException">The device has too little free memory; nothing was uploaded.</exception>
    public static DeepSeekModel Load(
        Checkpoint checkpoint,
        Device device,
        ModelOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(device);
        var plan = new ModelPlan(checkpoint.Config, options ?? new ModelOptions(), device);
        // Weights are uploaded only when all of it will fit.
        if (!device.ReadsHostMemory)
            new DeepSeekModel(
                checkpoint,
                plan,
                isCounting: true,
                null,
                cancellationToken
            ).Dispose();
        return new DeepSeekModel(checkpoint, plan, isCounting: false, progress, cancellationToken);
    }
}
