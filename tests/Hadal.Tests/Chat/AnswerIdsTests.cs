using System.Text.RegularExpressions;
using Hadal.Chat;
using Hadal.Tests.Tokenization;
using Hadal.Tokenization;

namespace Hadal.Tests.Chat;

/// <summary>Tokens that a model sampled, letter by letter as no tokenizer would, come again in the next prompt.</summary>
public sealed class AnswerIdsTests
{
    private const string DsmlCall = """


        <｜DSML｜function_calls>
        <｜DSML｜invoke name="now">
        <｜DSML｜parameter name="zone" string="true">Ur</｜DSML｜parameter>
        </｜DSML｜invoke>
        </｜DSML｜function_calls>
        """;
    private const string V31Call =
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{\"zone\":  \"Ur\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

    private static readonly ChatTurn s_question = ChatTurn.User("What time is it?");

    private static readonly string[] s_marks =
    [
        "<think>",
        "</think>",
        "｜DSML｜",
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Thought_content_and_calls_of_V32_come_as_they_were_sampled(bool hasDsml)
    {
        DeepSeekTokenizer tokenizer = hasDsml ? TestTokenizers.V31WithDsml : TestTokenizers.V31;
        int[] sampled = Sampled("I must look.</think>Wait a moment." + DsmlCall, tokenizer);
        ChatTurn answer = Answer("Wait a moment.", sampled) with { Reasoning = "I must look." };
        ChatTurn[] turns = [s_question, answer, ChatTurn.Tool("a", "noon")];
        AssertFound(sampled, ChatFormat.V32, turns, thinking: true, tokenizer);
    }

    [Fact]
    public void Where_the_prompt_leaves_the_thought_out_its_tokens_are_left_out()
    {
        DeepSeekTokenizer tokenizer = TestTokenizers.V31WithDsml;
        const string said = "Wait a moment." + DsmlCall;
        int[] sampled = Sampled("I must look.</think>" + said, tokenizer);
        ChatTurn answer = Answer("Wait a moment.", sampled) with { Reasoning = "I must look." };
        ChatTurn[] turns =
        [
            s_question,
            answer,
            ChatTurn.Tool("a", "noon"),
            ChatTurn.Assistant("Noon."),
            s_question,
        ];
        int[] prompt = AssertFound(
            Sampled(said, tokenizer),
            ChatFormat.V32,
            turns,
            thinking: true,
            tokenizer
        );
        Assert.False(Contains(prompt, sampled));
    }

    [Fact]
    public void Content_and_calls_of_V31_come_as_they_were_sampled()
    {
        int[] sampled = Sampled("Wait." + V31Call, TestTokenizers.V31);
        ChatTurn answer = Answer("Wait.", sampled) with
        {
            ToolCalls = [new ToolCall("a", "now", "{\"zone\":  \"Ur\"}")],
        };
        ChatTurn[] turns = [s_question, answer, ChatTurn.Tool("a", "noon")];
        AssertFound(sampled, ChatFormat.V31, turns, thinking: false, TestTokenizers.V31);
    }

    [Theory]
    [InlineData("I must look.</think>Wait a minute." + DsmlCall)]
    [InlineData("I must look.</think>Wait a moment.\n" + DsmlCall)]
    [InlineData("I must look.<think>Wait a moment." + DsmlCall)]
    [InlineData("I should look.</think>Wait a moment." + DsmlCall)]
    [InlineData("Wait a moment." + DsmlCall)]
    public void Tokens_of_another_text_are_not_used(string text) =>
        AssertUnused(Sampled(text, TestTokenizers.V31WithDsml));

    [Fact]
    public void Letters_of_a_mark_are_not_the_mark() =>
        AssertUnused([
            .. Letters("I must look.</think>", TestTokenizers.V31WithDsml),
            .. Sampled("Wait a moment." + DsmlCall, TestTokenizers.V31WithDsml),
        ]);

    private static void AssertUnused(int[] sampled)
    {
        var template = new ChatTemplate(ChatFormat.V32);
        ChatTurn answer = Answer("Wait a moment.", sampled) with { Reasoning = "I must look." };
        Assert.Equal(Ids(answer with { Ids = null }), Ids(answer));

        int[] Ids(ChatTurn turn) =>
            template
                .Encode(
                    TestTokenizers.V31WithDsml,
                    new ChatConversation
                    {
                        Turns = [s_question, turn, ChatTurn.Tool("a", "noon")],
                        Thinking = true,
                    }
                )
                .Ids.ToArray();
    }

    private static ChatTurn Answer(string content, int[] ids) =>
        ChatTurn.Assistant(content, ids) with
        {
            ToolCalls = [new ToolCall("a", "now", "{\"zone\":\"Ur\"}")],
        };

    private static int[] AssertFound(
        int[] sampled,
        ChatFormat format,
        ChatTurn[] turns,
        bool thinking,
        DeepSeekTokenizer tokenizer
    )
    {
        var template = new ChatTemplate(format);
        var conversation = new ChatConversation { Turns = turns, Thinking = thinking };
        int[] prompt = template.Encode(tokenizer, conversation).Ids.ToArray();
        Assert.True(Contains(prompt, sampled));
        Assert.Equal(template.Render(conversation), tokenizer.Decode(prompt));
        ChatConversation unknown = conversation with
        {
            Turns = [.. turns.Select(turn => turn with { Ids = null })],
        };
        Assert.False(Contains(template.Encode(tokenizer, unknown).Ids.ToArray(), sampled));
        return prompt;
    }

    private static bool Contains(int[] ids, int[] part) => ids.AsSpan().IndexOf(part) >= 0;

    /// <summary>An answer and EOS: marks as their tokens, all else letter by letter.</summary>
    private static int[] Sampled(string text, DeepSeekTokenizer tokenizer)
    {
        List<int> ids = [];
        string[] parts = Regex.Split(text, $"({string.Join('|', s_marks)})");
        foreach (string part in parts)
        {
            if (tokenizer.TryGetAddedToken(part, out int mark))
                ids.Add(mark);
            else
                ids.AddRange(Letters(part, tokenizer));
        }
        return [.. ids, tokenizer.EosId];
    }

    private static IEnumerable<int> Letters(string text, DeepSeekTokenizer tokenizer) =>
        text.SelectMany(letter => tokenizer.Encode(letter.ToString(), addSpecialTokens: false));
}
