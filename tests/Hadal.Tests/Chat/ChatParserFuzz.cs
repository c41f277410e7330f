using System.Text;
using System.Text.Json;
using Hadal.Chat;
using static Hadal.Tests.Chat.ChatParserTexts;

namespace Hadal.Tests.Chat;

/// <summary>Random answers, of marks, pieces of marks and text.</summary>
internal static class ChatParserFuzz
{
    /// <summary>How many; more where HADAL_TEST_ALL is 1.</summary>
    public static readonly int Count =
        Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1" ? 100_000 : 3000;

    /// <summary>What texts are made of. A <c>#</c> becomes a character that comes only once.</summary>
    private static readonly string[] s_fragments =
    [
        .. Enumerable.Repeat("#", 12),
        .. Enumerable.Repeat("\n", 4),
        "\n\n",
        " ",
        "<",
        ">",
        "\"",
        "\\",
        "{\"a\": 1}",
        "[1, 2",
        "é",
        "</think>",
        "</thi",
        "<｜",
        "</｜DSML｜",
        "｜>",
    ];

    private static readonly string[] s_fragmentsV32 =
    [
        .. s_fragments,
        .. Enumerable.Repeat(Section, 2),
        SectionEnd,
        .. Enumerable.Repeat(Invoke("f#"), 4),
        InvokeEnd,
        .. Enumerable.Repeat(Open("p#"), 4),
        .. Enumerable.Repeat(Open("p#", false), 4),
        Open("#") + "{\"#\": [\"#\"]}" + ParameterEnd,
        Open("#", false) + "{\"#\": [\"#\"]}" + ParameterEnd,
        ParameterEnd,
        ParameterEnd,
        "<｜DSML｜parameter ",
        "<｜DSML｜parameter name=#>",
        "<｜DSML｜parameter  string=true name=#",
        " name=\"#\"",
        " string=\"true\"",
        "<｜DSML｜parameter name=\"#\" string=\"#\">",
        "<｜DSML｜invoke name=\"\">",
        "<｜DSML｜invoke name=\"#",
        "<｜DSML｜func",
    ];

    private static readonly string[] s_fragmentsV31 =
    [
        .. s_fragments,
        CallsBegin,
        CallsEnd,
        .. Enumerable.Repeat(CallBegin, 3),
        .. Enumerable.Repeat(CallEnd, 2),
        .. Enumerable.Repeat(Separator, 3),
        CallV31("f#", "{\"a\": \"#\"}"),
        "<｜tool▁call",
        "▁end｜>",
    ];

    /// <summary>Checks each answer; the error names its seed.</summary>
    public static void ForAll(
        Action<Random, ChatFormat, bool, string> check,
        ChatFormat? only = null
    )
    {
        for (int seed = 0; seed < Count; seed++)
        {
            var random = new Random(seed);
            ChatFormat format = only ?? (seed % 3 == 0 ? ChatFormat.V31 : ChatFormat.V32);
            string[] fragments = format == ChatFormat.V31 ? s_fragmentsV31 : s_fragmentsV32;
            var text = new StringBuilder();
            char once = '\u4e00';
            for (int i = random.Next(1, 30); i > 0; i--)
            {
                foreach (char c in fragments[random.Next(fragments.Length)])
                    text.Append(c == '#' ? once++ : c);
            }
            bool thinking = random.Next(2) == 0;
            try
            {
                check(random, format, thinking, text.ToString());
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(
                    $"Seed {seed}, {format}, thinking {thinking}: {JsonSerializer.Serialize(text.ToString())}",
                    e
                );
            }
        }
    }
}
