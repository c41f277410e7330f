using Hadal.Checkpoints;

namespace Hadal.Model;

/// <content>Loading.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>Opens and loads a checkpoint, which goes with the model.</summary>
    /// <param name="folder">A folder in the Hugging Face layout.</param>
    /// <param name="device">What to run on; keep it open while caches are made.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <param name="progress">Is told of each tensor.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
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
        Checkpoint checkpoint = Checkpoint.Open(folder, cancellationToken: cancellationToken);
        try
        {
            return Load(checkpoint, true, device, options, progress, cancellationToken);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Loads an open checkpoint. On the CPU weights stay in its map, so it must outlive the model.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="device">What to run on; keep it open while caches are made.</param>
    /// <param name="options">How to load; null for the defaults.</param>
    /// <param name="progress">Is told of each tensor.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
    /// <exception cref="CheckpointException">A tensor is missing or not as it must be.</exception>
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
        return Load(checkpoint, false, device, options, progress, cancellationToken);
    }

    private static DeepSeekModel Load(
        Checkpoint checkpoint,
        bool ownsCheckpoint,
        Device device,
        ModelOptions? options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        options ??= new ModelOptions();
        // Weights are uploaded only when all of it will fit; the CPU leaves them in the map.
        if (device.Kind != DeviceKind.Cpu)
            new DeepSeekModel(
                checkpoint,
                false,
                device,
                options,
                isCounting: true,
                null,
                cancellationToken
            ).Dispose();
        return new DeepSeekModel(
            checkpoint,
            ownsCheckpoint,
            device,
            options,
            isCounting: false,
            progress,
            cancellationToken
        );
    }
}
