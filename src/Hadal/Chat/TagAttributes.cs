using System.Text;

namespace Hadal.Chat;

/// <summary>
/// Reads the attributes of a DSML tag, <c>name="…" string="true"&gt;</c>, one character at a time. The order is free, the
/// quotes may be missing, and so may <c>string</c>. Without a name, with another attribute or another value of <c>string</c>,
/// with one twice, or with a line break or <c>&lt;</c> inside, it is no tag.
/// </summary>
internal sealed class TagAttributes
{
    private const string NameKey = "name";
    private const string StringKey = "string";

    private readonly StringBuilder _text = new();
    private string _key = "";
    private bool _hasName;
    private bool _hasString;
    private bool _isString;
    private Place _place = Place.Gap;

    private enum Place
    {
        Gap,
        Key,
        ValueBegin,
        Quoted,
        QuotedEnd,
        Bare,
    }

    /// <summary>The name; empty until it is read.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Whether the value is a string as it stands; otherwise, or where it is not said, it may be JSON.</summary>
    public bool IsString => _isString;

    /// <summary>Takes the next character.</summary>
    public TagStep Next(char next) =>
        (_place, next) switch
        {
            (_, '<' or '\n' or '\r') => TagStep.NoTag,
            (Place.Quoted, '"') => EndValue(Place.QuotedEnd),
            (Place.Quoted, _) => Add(next, Place.Quoted),
            (Place.ValueBegin, '"') => Go(Place.Quoted),
            (Place.ValueBegin, ' ' or '>') => TagStep.NoTag,
            (Place.Key, '=') => EndKey(),
            (Place.Gap or Place.Key, >= 'a' and <= 'z') => AddToKey(next),
            (Place.Key, _) => TagStep.NoTag,
            (Place.Bare, '"') => TagStep.NoTag,
            (Place.Bare, ' ') => EndValue(Place.Gap),
            (Place.Bare, '>') => EndBare(),
            (Place.Bare or Place.ValueBegin, _) => Add(next, Place.Bare),
            (Place.Gap or Place.QuotedEnd, ' ') => Go(Place.Gap),
            (Place.Gap or Place.QuotedEnd, '>') => End(),
            _ => TagStep.NoTag,
        };

    private TagStep Go(Place place)
    {
        _place = place;
        return TagStep.Open;
    }

    private TagStep Add(char next, Place place)
    {
        _text.Append(next);
        return Go(place);
    }

    private TagStep AddToKey(char next)
    {
        _key = _place == Place.Key ? _key + next : next.ToString();
        return
            NameKey.StartsWith(_key, StringComparison.Ordinal)
            || StringKey.StartsWith(_key, StringComparison.Ordinal)
            ? Go(Place.Key)
            : TagStep.NoTag;
    }

    private TagStep EndKey() =>
        (_key == NameKey && !_hasName) || (_key == StringKey && !_hasString)
            ? Go(Place.ValueBegin)
            : TagStep.NoTag;

    private TagStep EndValue(Place place)
    {
        string value = _text.ToString();
        _text.Clear();
        if (_key == NameKey)
        {
            Name = value;
            _hasName = true;
            return value.Length > 0 ? Go(place) : TagStep.NoTag;
        }
        _hasString = true;
        return bool.TryParse(value, out _isString) ? Go(place) : TagStep.NoTag;
    }

    private TagStep EndBare() => EndValue(Place.Gap) == TagStep.Open ? End() : TagStep.NoTag;

    private TagStep End() => _hasName ? TagStep.Whole : TagStep.NoTag;
}
