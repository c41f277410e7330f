namespace Hadal.Grammars;

/// <summary>The texts of formats that JSON Schema names. Thread-safe.</summary>
internal static class FormatPatterns
{
    private const string Year = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})";

    /// <summary>Divisible by 4; by 100 only if by 400. There is no year 0.</summary>
    private const string LeapYear =
        "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)";

    /// <summary>full-date of RFC 3339 with the days that the months have.</summary>
    private const string Date =
        $"(?:{Year}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
        + $"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LeapYear}-02-29)";

    private const string Clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";

    /// <summary>full-time of RFC 3339 without leap seconds.</summary>
    private const string Time = $@"{Clock}:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+\-]{Clock})";

    private const string Uuid = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";

    /// <summary>
    /// Dot-string "@" Domain of RFC 5321, with its limits of the local part and of labels. The domain has a dot and ends with
    /// letters, as other implementations want it.
    /// </summary>
    private const string Email = $@"{Atom}(?:\.{Atom})*@(?:{Label}\.)+[A-Za-z]{{2,63}}";
    private const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]+";
    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?";
    private const int MaxLocalPart = 64;

    private const string Byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private const string Ipv4 = $@"{Byte}(?:\.{Byte}){{3}}";

    /// <summary>IPv6address of RFC 3986.</summary>
    private const string Ipv6 =
        $"(?:{Hex}:){{6}}{Last}|::(?:{Hex}:){{5}}{Last}|(?:{Hex})?::(?:{Hex}:){{4}}{Last}"
        + $"|(?:(?:{Hex}:){{0,1}}{Hex})?::(?:{Hex}:){{3}}{Last}"
        + $"|(?:(?:{Hex}:){{0,2}}{Hex})?::(?:{Hex}:){{2}}{Last}"
        + $"|(?:(?:{Hex}:){{0,3}}{Hex})?::{Hex}:{Last}"
        + $"|(?:(?:{Hex}:){{0,4}}{Hex})?::{Last}"
        + $"|(?:(?:{Hex}:){{0,5}}{Hex})?::{Hex}"
        + $"|(?:(?:{Hex}:){{0,6}}{Hex})?::";
    private const string Hex = "[0-9A-Fa-f]{1,4}";
    private const string Last = $"(?:{Hex}:{Hex}|{Ipv4})";

    private static readonly Dictionary<string, Lazy<CharAutomaton>> s_formats = new()
    {
        ["date-time"] = new(() => Compile($"{Date}T{Time}")),
        ["date"] = new(() => Compile(Date)),
        ["time"] = new(() => Compile(Time)),
        ["uuid"] = new(() => Compile(Uuid)),
        ["email"] = new(() =>
            CharAutomaton.Intersect(Compile(Email), Compile($"[^@]{{1,{MaxLocalPart}}}@[^@]*"))
        ),
        ["ipv4"] = new(() => Compile(Ipv4)),
        ["ipv6"] = new(() => Compile(Ipv6)),
    };

    /// <summary>The names of the formats.</summary>
    public static IEnumerable<string> Names => s_formats.Keys;

    /// <summary>The texts of a format, or null if it is none of <see cref="Names"/>.</summary>
    public static CharAutomaton? Find(string format) => s_formats.GetValueOrDefault(format)?.Value;

    private static CharAutomaton Compile(string pattern) =>
        RegexAutomaton.Compile(pattern, search: false);
}
