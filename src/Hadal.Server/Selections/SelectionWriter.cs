using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Server.Requests;
using Hadal.Tokenization;

namespace Hadal.Server.Selections;

/// <summary>Writes what sparse attention chose, as the page reads it.</summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Tells the texts of tokens.</param>
internal sealed class SelectionWriter(DeepSeekModel model, DeepSeekTokenizer tokenizer)
{
    private readonly LogProbsWriter _texts = new(tokenizer);

    /// <summary>The most positions that a layer chooses; 0 without an indexer.</summary>
    public static int TopK(DeepSeekModel model) =>
        model.Options.IndexTopK ?? model.Config.Indexer?.TopK ?? 0;

    /// <summary>
    /// Writes the fields of a sequence: <c>top_k</c>, the most positions that a layer chooses, or null where the model has no
    /// indexer; the <c>layers</c> that choose; and the texts of the <c>prompt</c>'s tokens.
    /// </summary>
    public void WriteSequence(Utf8JsonWriter json, ReadOnlySpan<int> prompt)
    {
        IndexerConfig? indexer = model.Config.Indexer;
        if (indexer is null)
            json.WriteNull("top_k");
        else
            json.WriteNumber("top_k", TopK(model));
        json.WriteStartArray("layers");
        foreach (int layer in indexer?.ChoosingLayers ?? [])
            json.WriteNumberValue(layer);
        json.WriteEndArray();
        json.WriteStartArray("prompt");
        foreach (int id in prompt)
            json.WriteStringValue(_texts.Text(id));
        json.WriteEndArray();
    }

    /// <summary>
    /// Writes a generated token: its <c>id</c>, its text as <c>token</c>, its <c>position</c>, and of each layer the positions
    /// that were <c>chosen</c> of those before it, ascending, each as the difference to the one before; null where all were.
    /// </summary>
    public void WriteToken(Utf8JsonWriter json, int id, TokenSelection selection)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("token", _texts.Text(id));
        json.WriteNumber("position", selection.VisibleTokens);
        if (selection.IsAll)
        {
            json.WriteNull("chosen");
        }
        else
        {
            json.WriteStartArray("chosen");
            for (int i = 0; i < selection.Layers.Length; i++)
                WritePositions(json, selection.Positions(i));
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WritePositions(Utf8JsonWriter json, int[] positions)
    {
        json.WriteStartArray();
        int before = 0;
        foreach (int position in positions)
        {
            json.WriteNumberValue(position - before);
            before = position;
        }
        json.WriteEndArray();
    }
}
