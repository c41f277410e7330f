namespace Hadal.Checkpoints;

/// <summary>
/// The layers of multi-token prediction, which need not be as many as config.json says: programs that save a checkpoint
/// anew drop the layers and keep the number, or the other way round.
/// </summary>
internal static class Predictors
{
    /// <summary>The configuration with those that are there, of those that it tells of.</summary>
    /// <param name="config">What config.json says.</param>
    /// <param name="tensors">All tensors by name.</param>
    /// <param name="notes">Is told of a difference.</param>
    public static DeepSeekConfig Match(
        DeepSeekConfig config,
        IReadOnlyDictionary<string, TensorView> tensors,
        List<string> notes
    )
    {
        HashSet<int> layers = [.. tensors.Keys.Select(WeightMap.LayerOf).OfType<int>()];
        int told = config.NumNextnPredictLayers;
        int there = 0;
        while (there < told && layers.Contains(config.NumHiddenLayers + there))
            there++;
        if (there < told)
            notes.Add(
                $"config.json says num_nextn_predict_layers is {told}, and the files hold {there}: the model has {(there == 0 ? "no" : $"{there} layers of")} multi-token prediction"
            );
        int next = config.NumHiddenLayers + told;
        if (tensors.ContainsKey($"{WeightMap.LayerPrefix(next)}eh_proj.weight"))
            notes.Add(
                $"config.json says num_nextn_predict_layers is {told}, and '{WeightMap.LayerPrefix(next)}*' is one such layer more: it is passed over"
            );
        return there == told ? config : config with { NumNextnPredictLayers = there };
    }
}
