using System.Text;
using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>Tells which values of an <c>enum</c> the rest of a schema allows.</summary>
/// <param name="reader">Reads schemas.</param>
/// <param name="shapes">Works out their alternatives.</param>
internal sealed class SchemaCheck(SchemaReader reader, SchemaShapes shapes)
{
    private const int MaxSteps = 1 << 20;

    private int _steps;

    /// <summary>Whether a value is as a shape asks, its list of values apart.</summary>
    /// <exception cref="GrammarException">To tell takes too many steps.</exception>
    public bool Allows(SchemaShape shape, JsonElement value) =>
        ++_steps > MaxSteps
            ? throw reader.Error(
                "#",
                "has values in enum or const that may be read in too many ways"
            )
            : (shape.Types & TypeOf(value)) != 0
                && value.ValueKind switch
                {
                    JsonValueKind.String => AllowsString(shape, value.GetString()!),
                    JsonValueKind.Number => shape.Bounds.Contain(
                        ExactDecimal.Parse(value.GetRawText())
                    ),
                    JsonValueKind.Object => AllowsObject(shape, value),
                    JsonValueKind.Array => AllowsArray(shape, value),
                    _ => true,
                };

    private static JsonTypes TypeOf(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Null => JsonTypes.Null,
            JsonValueKind.True or JsonValueKind.False => JsonTypes.Boolean,
            JsonValueKind.String => JsonTypes.String,
            JsonValueKind.Object => JsonTypes.Object,
            JsonValueKind.Array => JsonTypes.Array,
            _ => ExactDecimal.Parse(value.GetRawText()).IsInteger
                ? JsonTypes.Integer
                : JsonTypes.Fraction,
        };

    private static bool AllowsString(SchemaShape shape, string value)
    {
        int length = 0;
        foreach (Rune _ in value.EnumerateRunes())
            length++;
        return length >= shape.MinLength
            && length <= (shape.MaxLength ?? int.MaxValue)
            && shape.Strings.All(automaton => automaton.Matches(value));
    }

    private bool AllowsObject(SchemaShape shape, JsonElement value) =>
        shape.Objects.All(node => node.Required.All(name => value.TryGetProperty(name, out _)))
        && value
            .EnumerateObject()
            .All(member =>
                AllowsAll(SchemaMembers.Property(shape.Objects, member.Name), member.Value)
            );

    private bool AllowsArray(SchemaShape shape, JsonElement value) =>
        value.GetArrayLength() >= shape.MinItems
        && value.GetArrayLength() <= (shape.MaxItems ?? int.MaxValue)
        && value
            .EnumerateArray()
            .Select((element, i) => AllowsAll(SchemaMembers.Element(shape.Arrays, i), element))
            .All(static allows => allows);

    private bool AllowsAll(IEnumerable<string> pointers, JsonElement value) =>
        shapes
            .Of(pointers.Distinct().Select(reader.At))
            .Any(shape => Allows(shape, value) && shape.Values?.Contains(value) != false);
}
