using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Tests.Chat;

/// <summary>What DeepSeek's own encoder and template make of calls is read back.</summary>
public sealed class ChatParserVectorTests
{
    private const string Eos = "<｜end▁of▁sentence｜>";

    [Theory]
    [InlineData("v31.jsonl", ChatFormat.V31, 5)]
    [InlineData("v32.jsonl", ChatFormat.V32, 18)]
    public void The_calls_of_rendered_turns_are_read_back(
        string file,
        ChatFormat format,
        int atLeast
    )
    {
        int turns = 0;
        string path = Path.Combine(Paths.Root, "..", "shared", "encodings", file);
        foreach (string line in File.ReadLines(path))
        {
            using var test = JsonDocument.Parse(line);
            JsonElement[] answers =
            [
                .. test
                    .RootElement.GetProperty("messages")
                    .EnumerateArray()
                    .Where(message => message.GetProperty("role").GetString() == "assistant"),
            ];
            if (!answers.Any(answer => answer.TryGetProperty("tool_calls", out _)))
                continue;
            string[] parts = test.RootElement.GetProperty("prompt").GetString()!.Split(Eos);
            Assert.Equal(answers.Length + 1, parts.Length);
            for (int i = 0; i < answers.Length; i++)
            {
                Check(answers[i], parts[i], format);
                turns++;
            }
        }
        Assert.InRange(turns, atLeast, int.MaxValue);
    }

    private static void Check(JsonElement message, string part, ChatFormat format)
    {
        string turn = After(
            part,
            "<｜Assistant｜>",
            "</function_results>\n\n",
            "<｜tool▁output▁end｜>"
        );
        bool thinking = turn.StartsWith("<think>", StringComparison.Ordinal);
        string answer = After(turn, thinking ? "<think>" : "</think>");
        // V3.1's answer after a result stands bare, and may hold the mark.
        if (format == ChatFormat.V31 && part.Contains("<｜tool▁output▁end｜>"))
            answer = turn;
        foreach (int size in (int[])[1, 7, answer.Length])
        {
            ChatParserResult result = ChatParserResult.Of(
                ChatParserResult.Pieces(answer, size),
                format,
                thinking
            );
            Assert.Equal(Text(message, "content"), result.Content);
            Assert.Equal(thinking ? Text(message, "reasoning_content") : "", result.Reasoning);
            JsonElement[] calls = message.TryGetProperty("tool_calls", out JsonElement array)
                ? [.. array.EnumerateArray().Select(call => call.GetProperty("function"))]
                : [];
            Assert.Equal(calls.Length, result.Calls.Count);
            foreach ((JsonElement call, (string name, string arguments)) in calls.Zip(result.Calls))
            {
                Assert.Equal(call.GetProperty("name").GetString(), name);
                string expected = call.GetProperty("arguments").GetString()!;
                if (format == ChatFormat.V31)
                    Assert.Equal(expected, arguments);
                Assert.True(
                    JsonElement.DeepEquals(
                        JsonElement.Parse(expected),
                        JsonElement.Parse(arguments)
                    ),
                    $"{arguments} is not {expected}"
                );
            }
        }
    }

    private static string Text(JsonElement message, string name) =>
        message.TryGetProperty(name, out JsonElement value) ? value.GetString() ?? "" : "";

    /// <summary>What follows the last of the marks; all where there is none.</summary>
    private static string After(string text, params string[] marks)
    {
        int begin = marks.Max(mark =>
            text.LastIndexOf(mark, StringComparison.Ordinal) is >= 0 and int at
                ? at + mark.Length
                : 0
        );
        return text[begin..];
    }
}
