namespace Hadal.Checkpoints;

/// <summary>Keeps the bytes of a checkpoint's files where they are, also after the checkpoint's disposal.</summary>
internal sealed class CheckpointLease : IDisposable
{
    private readonly Stack<SafetensorsFile> _held = [];

    /// <exception cref="ObjectDisposedException">The checkpoint, or one of its files, was disposed of.</exception>
    public CheckpointLease(Checkpoint checkpoint)
    {
        try
        {
            foreach (SafetensorsFile file in checkpoint.Files)
            {
                file.Hold();
                _held.Push(file);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        while (_held.TryPop(out SafetensorsFile? file))
            file.Release();
    }
}
