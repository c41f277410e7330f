using Hadal.Checkpoints;
using Hadal.Model;

namespace Hadal.Cli;

/// <summary>Loads a model, and shows a watching person how far it is.</summary>
internal static class ModelLoading
{
    public static DeepSeekModel Load(
        Terminal terminal,
        Checkpoint checkpoint,
        Device device,
        ModelOptions options,
        CancellationToken cancellationToken
    )
    {
        if (!terminal.ShowsProgress)
            return DeepSeekModel.Load(
                checkpoint,
                device,
                options,
                cancellationToken: cancellationToken
            );
        var progress = new LoadingLine(terminal.Error);
        try
        {
            return DeepSeekModel.Load(checkpoint, device, options, progress, cancellationToken);
        }
        finally
        {
            progress.Clear();
        }
    }
}
