using System.Text;
using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Tests.Chat;

/// <summary>What is expected is what Python 3 gives for <c>json.dumps(json.loads(text), ensure_ascii=False)</c>.</summary>
public sealed class PythonJsonTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "-0.0")]
    [InlineData("0e5", "0.0")]
    [InlineData("123456789012345678901234567890", "123456789012345678901234567890")]
    [InlineData("-123456789012345678901234567890", "-123456789012345678901234567890")]
    [InlineData("2.50", "2.5")]
    [InlineData("100.0", "100.0")]
    [InlineData("123.456", "123.456")]
    [InlineData("12e-1", "1.2")]
    [InlineData("1E+2", "100.0")]
    [InlineData("1E5", "100000.0")]
    [InlineData("1e15", "1000000000000000.0")]
    [InlineData("1e16", "1e+16")]
    [InlineData("1e23", "1e+23")]
    [InlineData("9999999999999998.0", "9999999999999998.0")]
    [InlineData("9999999999999999.0", "1e+16")]
    [InlineData("9007199254740993.0", "9007199254740992.0")]
    [InlineData("1234567890123456.7", "1234567890123456.8")]
    [InlineData("123456789012345680.0", "1.2345678901234568e+17")]
    [InlineData("0.30000000000000004", "0.30000000000000004")]
    [InlineData("0.0001", "0.0001")]
    [InlineData("0.00012345", "0.00012345")]
    [InlineData("0.00001", "1e-05")]
    [InlineData("1.5e-5", "1.5e-05")]
    [InlineData("-3e-7", "-3e-07")]
    [InlineData("2e-308", "2e-308")]
    [InlineData("5e-324", "5e-324")]
    [InlineData("1e-400", "0.0")]
    [InlineData("1.7976931348623157e308", "1.7976931348623157e+308")]
    [InlineData("1e400", "Infinity")]
    [InlineData("-1e400", "-Infinity")]
    public void Numbers_are_written_as_Python_does(string json, string expected) =>
        Assert.Equal(expected, Written(json));

    [Theory]
    [InlineData(
        """{"a":1,"b":[],"c":{},"d":[{},[]],"e":null,"f":true,"g":false}""",
        """{"a": 1, "b": [], "c": {}, "d": [{}, []], "e": null, "f": true, "g": false}"""
    )]
    [InlineData("""[ 1 ,2 , "x" ]""", """[1, 2, "x"]""")]
    [InlineData("""{"b":1,"a":2,"b":[1,2],"c":3}""", """{"b": [1, 2], "a": 2, "c": 3}""")]
    [InlineData("""{"":{"\n":"\u0001"}}""", """{"": {"\n": "\u0001"}}""")]
    [InlineData(
        """ "\/ < > & é \u00e9 🐢 \ud83d\udc22 \u2028 \u007f" """,
        "\"/ < > & é é 🐢 🐢 \u2028 \u007f\""
    )]
    [InlineData(
        """ "\b\f\n\r\t\u0000\u000b\u001f\u0041 \" \\" """,
        """
            "\b\f\n\r\t\u0000\u000b\u001fA \" \\"
            """
    )]
    public void Structure_and_texts_are_written_as_Python_does(string json, string expected) =>
        Assert.Equal(expected, Written(json));

    /// <summary>Python would go on with half of a pair, and fail to write it as UTF-8.</summary>
    [Theory]
    [InlineData("""{"a":["\ud800"]}""")]
    [InlineData("""{"\udc00":1}""")]
    public void Half_of_a_surrogate_pair_is_refused(string json)
    {
        var error = Assert.Throws<ConversationException>(() => Written(json));
        Assert.StartsWith("here: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused()
    {
        byte[] json = [.. "[\""u8, 0xff, .. "\"]"u8];
        using var document = JsonDocument.Parse(json);
        Assert.Throws<ConversationException>(() => PythonJson.Write(document.RootElement, "here"));
    }

    private static string Written(string json) =>
        PythonJson.Write(JsonElement.Parse(Encoding.UTF8.GetBytes(json)), "here");
}
