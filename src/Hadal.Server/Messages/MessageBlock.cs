using System.Text.Json;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Messages;

/// <summary>A block of what a request of <c>/v1/messages</c> holds.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Text">The text of a block of text; else empty.</param>
/// <param name="Fields">Its fields; none where a text stands for a block.</param>
internal readonly record struct MessageBlock(string Kind, string Text, JsonFields Fields)
{
    public const string TextKind = "text";

    /// <summary>The blocks of a field, which may be a text in place of one block.</summary>
    /// <param name="parent">Has the field.</param>
    /// <param name="name">The field's name.</param>
    /// <param name="kinds">The types that may be.</param>
    /// <exception cref="ApiException">A block is not as it must be, or of another type.</exception>
    public static IEnumerable<MessageBlock> Read(JsonFields parent, string name, string[] kinds)
    {
        if (parent.Get(name).ValueKind != JsonValueKind.Array)
        {
            yield return new MessageBlock(TextKind, parent.Text(name), default);
            yield break;
        }
        int index = 0;
        foreach (JsonElement element in parent.Array(name).EnumerateArray())
        {
            var fields = new JsonFields(
                element,
                $"{parent.Path}.{name}[{index++}]",
                ApiException.Create
            );
            string kind = fields.RequireText("type", kinds);
            yield return new MessageBlock(
                kind,
                kind == TextKind ? fields.Text("text") : "",
                fields
            );
        }
    }
}
