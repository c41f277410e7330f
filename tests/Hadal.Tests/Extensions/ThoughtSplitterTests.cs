using Hadal.Extensions.AI;
using Microsoft.Extensions.AI;

namespace Hadal.Tests.Extensions;

public sealed class ThoughtSplitterTests
{
    [Theory]
    [InlineData(true, "let me", " see</think>", "42", "let me| see|", "42")]
    [InlineData(true, "a</think>b", "", "</think>", "a|", "b|</think>")]
    [InlineData(false, "let me", " see</think>", "42", "", "let me| see</think>|42")]
    public void A_thought_ends_at_its_mark(
        bool thinking,
        string first,
        string second,
        string third,
        string thoughts,
        string answer
    )
    {
        var splitter = new ThoughtSplitter(thinking);
        AIContent[] contents =
        [
            .. splitter.Split(first),
            .. splitter.Split(second),
            .. splitter.Split(third),
        ];
        Assert.Equal(
            thoughts.TrimEnd('|'),
            string.Join('|', contents.OfType<TextReasoningContent>().Select(c => c.Text))
        );
        Assert.Equal(answer, string.Join('|', contents.OfType<TextContent>().Select(c => c.Text)));
    }
}
