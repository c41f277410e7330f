using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Hadal.Grammars;

namespace Hadal.Tests.Grammars;

public sealed class NumberPatternsTests
{
    [Fact]
    public void Integers_are_those_between_the_bounds()
    {
        int?[] bounds =
        [
            null,
            -1100,
            -100,
            -99,
            -12,
            -10,
            -1,
            0,
            1,
            9,
            10,
            12,
            99,
            100,
            1034,
            2000,
        ];
        foreach (int? min in bounds)
        {
            foreach (int? max in bounds)
            {
                CharAutomaton automaton = NumberPatterns.Integer(min, max);
                for (int n = -2500; n <= 2500; n++)
                {
                    bool inside = !(n < min) && !(n > max);
                    string text = n.ToString(CultureInfo.InvariantCulture);
                    if (inside != automaton.Matches(text))
                        Assert.Fail($"{text} in {min}..{max}");
                }
                Assert.Equal(min == null && max == null, automaton.Matches("-0"));
                Assert.Equal(max == null, automaton.Matches("123456789012345678901234567890"));
                Assert.Equal(min == null, automaton.Matches("-123456789012345678901234567890"));
                foreach (string text in new[] { "", "-", "00", "01", "-01", "1.0", "1e1", "+1" })
                    Assert.False(automaton.Matches(text));
            }
        }
    }

    [Fact]
    public void Large_integers_are_compared_exactly()
    {
        var random = new Random(6);
        for (int round = 0; round < 200; round++)
        {
            BigInteger min = RandomInteger(random);
            BigInteger max = min + BigInteger.Abs(RandomInteger(random));
            CharAutomaton automaton = NumberPatterns.Integer(min, max);
            BigInteger[] probes =
            [
                min - 1,
                min,
                min + 1,
                max - 1,
                max,
                max + 1,
                RandomInteger(random),
                (min + max) / 2,
                -min,
                min * 10,
                max / 10,
            ];
            foreach (BigInteger probe in probes)
                Assert.Equal(
                    probe >= min && probe <= max,
                    automaton.Matches(probe.ToString(CultureInfo.InvariantCulture))
                );
        }
    }

    [Fact]
    public void Numbers_are_those_between_the_bounds()
    {
        string[] bounds =
        [
            "-20",
            "-1.05",
            "-1",
            "-0.5",
            "-0.05",
            "-0",
            "0",
            "0.007",
            "0.5",
            "1",
            "1.0",
            "1.25",
            "9.99",
            "10",
            "100",
            "1e1",
            "12.5e-1",
        ];
        List<string> texts = SampleTexts.All(["0", "1", "2", "5", "9", "."], 5);
        texts.AddRange([.. texts.Select(text => "-" + text)]);
        texts.AddRange(["1.25000", "1.0500000", "-1.0500001", "99.9999", "100.0", "-20.00"]);
        texts.RemoveAll(text => !IsJson(text));
        Assert.InRange(texts.Count, 5_000, 20_000);
        decimal[] values = [.. texts.Select(Value)];
        var random = new Random(7);
        for (int round = 0; round < 150; round++)
        {
            string? min = random.Next(5) == 0 ? null : bounds[random.Next(bounds.Length)];
            string? max = random.Next(5) == 0 ? null : bounds[random.Next(bounds.Length)];
            bool aboveMin = random.Next(2) == 0;
            bool belowMax = random.Next(2) == 0;
            CharAutomaton automaton = NumberPatterns.Number(
                min == null ? null : (ExactDecimal.Parse(min), aboveMin),
                max == null ? null : (ExactDecimal.Parse(max), belowMax)
            );
            for (int i = 0; i < texts.Count; i++)
            {
                bool inside =
                    min == null || values[i] > Value(min) || (!aboveMin && values[i] == Value(min));
                inside &=
                    max == null || values[i] < Value(max) || (!belowMax && values[i] == Value(max));
                if (inside != automaton.Matches(texts[i]))
                    Assert.Fail($"{texts[i]} in {min} ({aboveMin}) .. {max} ({belowMax})");
            }
            foreach (
                string text in new[] { "", "-", ".5", "1.", "-.5", "00", "01.5", "+1", "1.5.5" }
            )
                Assert.False(automaton.Matches(text));
            Assert.Equal(min == null && max == null, automaton.Matches("1e0"));
        }
    }

    [Fact]
    public void Without_bounds_a_number_is_any_of_JSON()
    {
        CharAutomaton automaton = NumberPatterns.Number(null, null);
        foreach (string text in SampleTexts.All(["0", "7", "-", "+", ".", "e", "E"], 5))
            Assert.True(IsJson(text) == automaton.Matches(text), text);
    }

    [Theory]
    [InlineData("0", "0", 0)]
    [InlineData("-0.00e5", "0", 0)]
    [InlineData("1200", "12", 2)]
    [InlineData("-12.50", "-125", -1)]
    [InlineData("5E+2", "5", 2)]
    [InlineData("0.05e-3", "5", -5)]
    public void A_decimal_is_read_exactly(string json, string mantissa, int exponent) =>
        Assert.Equal(
            new ExactDecimal(BigInteger.Parse(mantissa, CultureInfo.InvariantCulture), exponent),
            ExactDecimal.Parse(json)
        );

    [Fact]
    public void Decimals_round_to_the_whole_numbers_beside_them()
    {
        for (int n = -2500; n <= 2500; n += 7)
        {
            decimal number = n / 1000m;
            ExactDecimal exact = ExactDecimal.Parse(number.ToString(CultureInfo.InvariantCulture));
            Assert.Equal((BigInteger)decimal.Floor(number), exact.Floor());
            Assert.Equal((BigInteger)decimal.Ceiling(number), exact.Ceiling());
        }
    }

    [Fact]
    public void Bounds_of_any_magnitude_are_compared_or_refused()
    {
        CharAutomaton huge = NumberPatterns.Number((ExactDecimal.Parse("1e400"), false), null);
        Assert.True(huge.Matches("1" + new string('0', 400)));
        Assert.False(huge.Matches(new string('9', 400)));
        CharAutomaton tiny = NumberPatterns.Number(null, (ExactDecimal.Parse("-1e-400"), true));
        Assert.True(tiny.Matches("-0." + new string('0', 399) + "11"));
        Assert.False(tiny.Matches("-0." + new string('0', 399) + "1"));
        Assert.Throws<GrammarException>(() => ExactDecimal.Parse("1e401"));
        Assert.Throws<GrammarException>(() => ExactDecimal.Parse("1e-99999999999999"));
        Assert.Throws<GrammarException>(() => ExactDecimal.Parse(new string('1', 1001)));
        Assert.Throws<GrammarException>(() => NumberPatterns.Integer(BigInteger.One << 5000, null));
        Assert.True(NumberPatterns.Integer(3, 2).IsEmpty);
    }

    private static BigInteger RandomInteger(Random random)
    {
        var bytes = new byte[random.Next(1, 20)];
        random.NextBytes(bytes);
        return new BigInteger(bytes);
    }

    private static decimal Value(string text) =>
        decimal.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

    private static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Number;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
