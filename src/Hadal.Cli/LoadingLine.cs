using Hadal.Model;

namespace Hadal.Cli;

/// <summary>One line that tells the progress of loading and vanishes when it is done.</summary>
internal sealed class LoadingLine(TextWriter error) : IProgress<LoadProgress>
{
    private int _percent = -1;

    public void Report(LoadProgress value)
    {
        int percent = value.BytesTotal == 0 ? 100 : (int)(100 * value.BytesDone / value.BytesTotal);
        if (percent == _percent)
            return;
        _percent = percent;
        error.Write($"\rloading {Units.Bytes(value.BytesTotal)}: {percent} %");
    }

    public void Clear()
    {
        if (_percent >= 0)
            error.Write("\r\e[K");
    }
}
