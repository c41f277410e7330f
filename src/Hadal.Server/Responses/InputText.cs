using System.Globalization;
using System.Text;

namespace Hadal.Server.Responses;

/// <summary>
/// The input of a custom tool, out of the pieces of a JSON object that has it as its only member. Not thread-safe.
/// </summary>
internal sealed class InputText
{
    private const int UnicodeLength = 6;

    private readonly StringBuilder _text = new();
    private string _rest = "";
    private bool _hasBegun;
    private bool _hasEnded;

    /// <summary>The input so far.</summary>
    public string Text => _text.ToString();

    /// <summary>Takes a piece.</summary>
    /// <returns>What it adds to the input, in whole characters.</returns>
    public string Take(string piece)
    {
        _rest += piece;
        if (_hasEnded || !SkipStart())
            return "";
        var added = new StringBuilder();
        int at = 0;
        (int Read, int Added) whole = default;
        while (Next(at) is (char unit, int length))
        {
            at += length;
            added.Append(unit);
            // Half of a character waits for the other half.
            if (!char.IsHighSurrogate(unit))
                whole = (at, added.Length);
        }
        if (!_hasEnded)
            added.Length = whole.Added;
        _rest = _rest[whole.Read..];
        _text.Append(added);
        return added.ToString();
    }

    /// <summary>Skips what is before the value: a name and a colon.</summary>
    private bool SkipStart()
    {
        if (_hasBegun)
            return true;
        int colon = _rest.IndexOf(':', StringComparison.Ordinal);
        int quote = colon < 0 ? -1 : _rest.IndexOf('"', colon);
        if (quote < 0)
            return false;
        _rest = _rest[(quote + 1)..];
        _hasBegun = true;
        return true;
    }

    /// <summary>The next unit of UTF-16 and how long it is written; null where more must come, or the value ends.</summary>
    private (char Unit, int Length)? Next(int at)
    {
        if (at == _rest.Length)
            return null;
        if (_rest[at] == '"')
        {
            _hasEnded = true;
            return null;
        }
        if (_rest[at] != '\\')
            return (_rest[at], 1);
        if (at + 1 == _rest.Length)
            return null;
        switch (_rest[at + 1])
        {
            case 'b':
                return ('\b', 2);
            case 'f':
                return ('\f', 2);
            case 'n':
                return ('\n', 2);
            case 'r':
                return ('\r', 2);
            case 't':
                return ('\t', 2);
            case 'u':
                if (_rest.Length - at < UnicodeLength)
                    return null;
                ReadOnlySpan<char> digits = _rest.AsSpan(at + 2, UnicodeLength - 2);
                _ = ushort.TryParse(
                    digits,
                    NumberStyles.HexNumber,
                    CultureInfo.InvariantCulture,
                    out ushort unit
                );
                return ((char)unit, UnicodeLength);
            default:
                return (_rest[at + 1], 2);
        }
    }
}
