namespace Hadal.Tests;

public sealed class QuotedTextTests
{
    [Theory]
    [InlineData("plain ~ text", "plain ~ text")]
    [InlineData("é 語 😀", "é 語 😀")]
    [InlineData("\e[2J\r\n\t\0", @"\u001b[2J\u000d\u000a\u0009\u0000")]
    [InlineData("\u007f\u009b31m", @"\u007f\u009b31m")]
    [InlineData("a\u202eb\u2066c\u200fd\u061c", @"a\u202eb\u2066c\u200fd\u061c")]
    [InlineData("\u2028\u2029\u0085", @"\u2028\u2029\u0085")]
    [InlineData("\u200b\ufeff", @"\u200b\ufeff")]
    [InlineData("\U000e0041", @"\udb40\udc41")]
    public void What_does_not_show_is_escaped(string text, string quoted) =>
        Assert.Equal(quoted, QuotedText.Quote(text));

    // Not in a theory's data, which can't hold them.
    [Fact]
    public void Lone_surrogates_are_escaped()
    {
        Assert.Equal(@"a\ud83d", QuotedText.Quote("a" + '\ud83d'));
        Assert.Equal(@"\ude00b", QuotedText.Quote('\ude00' + "b"));
    }

    [Fact]
    public void Long_texts_are_cut_between_characters()
    {
        Assert.Equal(new string('x', 1000), QuotedText.Quote(new string('x', 1000)));
        Assert.Equal(new string('x', 1000) + "…", QuotedText.Quote(new string('x', 1001)));
        string text = new string('x', 999) + "😀";
        Assert.Equal(new string('x', 999) + "…", QuotedText.Quote(text));
    }
}
