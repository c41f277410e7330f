using Hadal.Model;

namespace Hadal.Server.Selections;

/// <summary>How many tokens tell what attention chose for them, so that it stays within the server's memory for it.</summary>
internal static class SelectionLimit
{
    // Of 2048 positions in 131,072 at most 1024 are 128 or more after the one before, and so take a second byte.
    private const int PositionBytes = 2;

    /// <summary>The most tokens of a choice, at least one; as many as there are where the model chooses none.</summary>
    public static int Of(DeepSeekModel model, HadalOptions options, int choices)
    {
        long tokenBytes =
            (long)PositionBytes
            * SelectionWriter.TopK(model)
            * (model.Config.Indexer?.ChoosingLayers.Length ?? 0);
        return tokenBytes == 0
            ? int.MaxValue
            : (int)Math.Max(options.MaxRecordedBytes / tokenBytes / choices, 1);
    }
}
