using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Grammars;
using Json.Schema;

namespace Hadal.Tests.Grammars;

public sealed class FormatPatternsTests
{
    [Theory]
    [InlineData("date-time")]
    [InlineData("date")]
    [InlineData("time")]
    [InlineData("uuid")]
    [InlineData("email")]
    [InlineData("ipv4")]
    [InlineData("ipv6")]
    public void What_is_accepted_satisfies_other_implementations(string format)
    {
        CharAutomaton automaton = FormatPatterns.Find(format)!;
        var schema = JsonSchema.FromText($$"""{"format":"{{format}}"}""");
        var options = new EvaluationOptions { RequireFormatValidation = true };
        // The oracle does look at the format.
        Assert.False(schema.Evaluate(Element("none of these"), options).IsValid);
        var random = new Random(5);
        for (int i = 0; i < 1500; i++)
        {
            string text = SampleTexts.Walk(automaton, random, random.Next(50));
            Assert.True(automaton.Matches(text), text);
            Assert.True(schema.Evaluate(Element(text), options).IsValid, text);
            Assert.True(Framework(format, text), text);
        }
    }

    [Theory]
    [InlineData("date-time", "2024-02-29T23:59:59.123456Z")]
    [InlineData("date-time", "1985-04-12T23:20:50.52Z")]
    [InlineData("date-time", "1996-12-19T16:39:57-08:00")]
    [InlineData("time", "00:00:00Z")]
    [InlineData("time", "12:34:56.7+05:30")]
    [InlineData("uuid", "2EB8AA08-AA98-11EA-B4AA-73B441D16380")]
    [InlineData("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380")]
    [InlineData("email", "joe.bloggs@example.com")]
    [InlineData("email", "te~st+tag@sub-domain.example.org")]
    [InlineData("ipv4", "192.168.0.1")]
    [InlineData("ipv4", "255.255.255.255")]
    [InlineData("ipv6", "::")]
    [InlineData("ipv6", "::1")]
    [InlineData("ipv6", "2001:db8::8a2e:370:7334")]
    [InlineData("ipv6", "1:2:3:4:5:6:7:8")]
    [InlineData("ipv6", "1:2:3:4:5:6:7::")]
    [InlineData("ipv6", "::2:3:4:5:6:7:8")]
    [InlineData("ipv6", "::ffff:192.0.2.128")]
    [InlineData("ipv6", "1:2:3:4:5:6:1.2.3.4")]
    [InlineData("ipv6", "64:ff9b::1.2.3.4")]
    public void Ordinary_texts_are_accepted(string format, string text) =>
        Assert.True(FormatPatterns.Find(format)!.Matches(text));

    [Theory]
    [InlineData("date-time", "2024-02-29 23:59:59Z")]
    [InlineData("date-time", "2024-02-29T23:59:59")]
    [InlineData("date-time", "2023-02-29T23:59:59Z")]
    [InlineData("time", "24:00:00Z")]
    [InlineData("time", "12:00Z")]
    [InlineData("time", "12:00:60Z")]
    [InlineData("uuid", "2eb8aa08aa9811eab4aa73b441d16380")]
    [InlineData("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g")]
    [InlineData("email", "joe.@example.com")]
    [InlineData("email", "joe@-example.com")]
    [InlineData("email", "joe@example-.com")]
    [InlineData("email", "joe@@example.com")]
    [InlineData("email", "joe")]
    [InlineData(
        "email",
        "12345678901234567890123456789012345678901234567890123456789012345@example.com"
    )]
    [InlineData(
        "email",
        "joe@1234567890123456789012345678901234567890123456789012345678901234.com"
    )]
    [InlineData("ipv4", "192.168.0.256")]
    [InlineData("ipv4", "192.168.0.01")]
    [InlineData("ipv4", "192.168.0")]
    [InlineData("ipv6", ":::")]
    [InlineData("ipv6", "1::2::3")]
    [InlineData("ipv6", "1:2:3:4:5:6:7")]
    [InlineData("ipv6", "1:2:3:4:5:6:7:8:9")]
    [InlineData("ipv6", "12345::")]
    [InlineData("ipv6", "1:2:3:4:5:6:7:1.2.3.4")]
    public void Others_are_not(string format, string text) =>
        Assert.False(FormatPatterns.Find(format)!.Matches(text));

    [Fact]
    public void A_date_is_one_of_the_calendar()
    {
        CharAutomaton automaton = FormatPatterns.Find("date")!;
        int[] years = [0, 1, 4, 99, 100, 400, 1900, 1996, 1999, 2000, 2023, 2024, 2100, 9999];
        foreach (int year in years)
        {
            for (int month = 0; month <= 13; month++)
            {
                for (int day = 0; day <= 32; day++)
                {
                    string text = $"{year:D4}-{month:D2}-{day:D2}";
                    Assert.True(Framework("date", text) == automaton.Matches(text), text);
                }
            }
        }
        for (int year = 1; year <= 9999; year++)
            Assert.Equal(DateTime.IsLeapYear(year), automaton.Matches($"{year:D4}-02-29"));
    }

    [Fact]
    public void Addresses_in_every_compressed_form_are_those_of_the_framework()
    {
        CharAutomaton automaton = FormatPatterns.Find("ipv6")!;
        int accepted = 0;
        // Up to ten groups before and after a gap or none, with an IPv4 address at the end or none.
        for (int before = 0; before <= 10; before++)
        {
            for (int after = 0; after <= 10; after++)
            {
                foreach (string last in new[] { "", "1.2.3.4", "f" })
                {
                    foreach (string gap in new[] { "::", ":", ":::" })
                    {
                        string first = string.Join(':', Enumerable.Repeat("ab0", before));
                        IEnumerable<string> groups = Enumerable.Repeat("1", after);
                        if (last.Length > 0)
                            groups = groups.Append(last);
                        string text = first + gap + string.Join(':', groups);
                        accepted += automaton.Matches(text) ? 1 : 0;
                        Assert.True(Framework("ipv6", text) == automaton.Matches(text), text);
                    }
                }
            }
        }
        Assert.InRange(accepted, 60, 200);
    }

    private static JsonElement Element(string text) =>
        JsonSerializer.SerializeToElement(JsonValue.Create(text));

    private static bool Framework(string format, string text)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        switch (format)
        {
            case "date":
                return DateOnly.TryParseExact(
                    text,
                    "yyyy-MM-dd",
                    culture,
                    DateTimeStyles.None,
                    out _
                );
            case "date-time":
                // A fraction and an offset may be longer than the framework's.
                return DateTime.TryParseExact(
                    text[..19],
                    "yyyy-MM-dd'T'HH:mm:ss",
                    culture,
                    DateTimeStyles.None,
                    out _
                );
            case "time":
                return TimeOnly.TryParseExact(
                    text[..8],
                    "HH:mm:ss",
                    culture,
                    DateTimeStyles.None,
                    out _
                );
            case "uuid":
                return Guid.TryParseExact(text, "D", out _);
            case "email":
                return System.Net.Mail.MailAddress.TryCreate(text, out _);
            default:
                return IPAddress.TryParse(text, out IPAddress? address)
                    && address.AddressFamily
                        == (
                            format == "ipv4"
                                ? AddressFamily.InterNetwork
                                : AddressFamily.InterNetworkV6
                        );
        }
    }
}
