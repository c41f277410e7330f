using System.Text;
using System.Text.Json;
using Hadal.Server.Responses;

namespace Hadal.Tests.Server.Responses;

/// <summary>The input of a custom tool comes out of the arguments in whatever pieces they come.</summary>
public sealed class InputTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("plain: \"quoted\" \\ back\n\ttabs\r\b\f and more")]
    [InlineData("é 😀 \u0001 \ud83d\ude00 end")]
    public void Pieces_make_the_text(string text)
    {
        foreach (string json in (string[])[ToolFunctions.ArgumentsOf(text), Escaped(text)])
        {
            for (int size = 1; size <= json.Length; size++)
            {
                var input = new InputText();
                var pieces = new StringBuilder();
                for (int at = 0; at < json.Length; at += size)
                {
                    string piece = input.Take(json[at..Math.Min(at + size, json.Length)]);
                    Assert.False(piece.Length > 0 && char.IsHighSurrogate(piece[^1]));
                    pieces.Append(piece);
                }
                Assert.Equal(text, pieces.ToString());
                Assert.Equal(text, input.Text);
            }
        }
    }

    // Each character beyond ASCII as \uXXXX, and blanks where JSON allows them.
    private static string Escaped(string text) =>
        JsonSerializer
            .Serialize(new Dictionary<string, string> { ["input"] = text })
            .Replace("\":", "\" :\n ", StringComparison.Ordinal);
}
