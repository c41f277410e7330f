using Hadal.Model;

namespace Hadal.Server.Selections;

/// <summary>For how many tokens of a request the choices of attention are recorded: see <see cref="HadalOptions.MaxRecordedBytes"/>.</summary>
internal static class SelectionLimit
{
    // A position is kept as its distance to the one before it, in one byte below 128, else in two or more. Of 2048 distances in a
    // context of 131,072 tokens at most 1024 can be 128 or more.
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
