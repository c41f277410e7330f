using System.Text.Json;
using Hadal.Chat;
using Hadal.Tests.Tokenization;
using Hadal.Tokenization;

namespace Hadal.Tests.Chat;

/// <summary>The prompts that DeepSeek's own encoder and template made, text and ids.</summary>
public sealed class PublishedPromptTests
{
    private const int V31Lines = 11;
    private const int V32Lines = 32;

    /// <summary>
    /// Prompts with special tokens in what a message says, split by hand: the parts are turn by turn text, which stays text,
    /// and a mark.
    /// </summary>
    private static readonly Dictionary<string, string[]> s_spelled = new()
    {
        ["v31 an answer that still holds its reasoning is cut at the first </think>"] =
        [
            "",
            "<｜begin▁of▁sentence｜>",
            "",
            "<｜User｜>",
            "a",
            "<｜Assistant｜>",
            "",
            "</think>",
            "b</think>c",
            "<｜end▁of▁sentence｜>",
            "",
            "<｜User｜>",
            "d",
            "<｜Assistant｜>",
            "",
            "<think>",
        ],
        ["v31 content that spells special tokens"] =
        [
            "",
            "<｜begin▁of▁sentence｜>",
            "",
            "<｜User｜>",
            "<｜User｜></think>",
            "<｜Assistant｜>",
            "",
            "</think>",
            "<think>x",
            "<｜end▁of▁sentence｜>",
            "",
            "<｜User｜>",
            "ok",
            "<｜Assistant｜>",
            "",
            "</think>",
        ],
        ["v32 content that spells special tokens"] =
        [
            "",
            "<｜begin▁of▁sentence｜>",
            "",
            "<｜User｜>",
            "say <｜Assistant｜></think> and <｜end▁of▁sentence｜> literally",
            "<｜Assistant｜>",
            "",
            "</think>",
            "<｜User｜>no",
            "<｜end▁of▁sentence｜>",
            "",
            "<｜User｜>",
            "ok",
            "<｜Assistant｜>",
            "",
            "</think>",
        ],
    };

    // The answer after a result is not cut: its mark is text, between two parts that the tokenizer may read marks in.
    private const string Bare = "v31 the answer after a result is bare, and not cut";
    private const string BareAnswer = "x</think>y";

    public static TheoryData<string> Names()
    {
        var names = new TheoryData<string>();
        foreach (string name in Cases().Keys)
            names.Add(name);
        return names;
    }

    [Fact]
    public void Every_line_is_a_case() => Assert.Equal(V31Lines + V32Lines, Cases().Count);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_text_is_the_published_one(string name)
    {
        JsonElement line = Cases()[name];
        Assert.Equal(Prompt(line), Template(name).Render(Conversation(line)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Marks_are_tokens_and_what_messages_spell_is_text(string name)
    {
        JsonElement line = Cases()[name];
        foreach (
            DeepSeekTokenizer tokenizer in (DeepSeekTokenizer[])
                [TestTokenizers.V31, TestTokenizers.V31WithDsml]
        )
        {
            ChatPrompt prompt = Template(name).Encode(tokenizer, Conversation(line));
            Assert.Equal(Expected(name, Prompt(line), tokenizer), prompt.Ids.ToArray());
            Assert.Equal(
                Prompt(line).EndsWith("<think>", StringComparison.Ordinal),
                prompt.StartsThinking
            );
        }
    }

    private static int[] Expected(string name, string prompt, DeepSeekTokenizer tokenizer)
    {
        if (name == Bare)
        {
            int answer = prompt.IndexOf(BareAnswer, StringComparison.Ordinal);
            return
            [
                .. Encode(prompt[..answer], marks: true),
                .. Encode(BareAnswer, marks: false),
                .. Encode(prompt[(answer + BareAnswer.Length)..], marks: true),
            ];
        }
        if (!s_spelled.TryGetValue(name, out string[]? parts))
            return Encode(prompt, marks: true);
        Assert.Equal(prompt, string.Concat(parts));
        return [.. parts.SelectMany((part, i) => Encode(part, marks: i % 2 == 1))];

        int[] Encode(string text, bool marks) =>
            tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: marks);
    }

    private static Dictionary<string, JsonElement> Cases() =>
        ((string[])["v31", "v32"])
            .SelectMany(format =>
                File.ReadLines(Path.Combine(Paths.Encodings, $"{format}.jsonl"))
                    .Select(line => JsonElement.Parse(line))
                    .Select(line => (Name: $"{format} {line.GetProperty("name")}", Line: line))
            )
            .ToDictionary(named => named.Name, named => named.Line);

    private static string Prompt(JsonElement line) => line.GetProperty("prompt").GetString()!;

    private static ChatTemplate Template(string name) =>
        new(name.StartsWith("v31", StringComparison.Ordinal) ? ChatFormat.V31 : ChatFormat.V32);

    private static ChatConversation Conversation(JsonElement line) =>
        ChatRequestJson.Read(line) with
        {
            ResponseSchema = line.TryGetProperty("response_schema", out JsonElement schema)
                ? schema
                : null,
        };
}
