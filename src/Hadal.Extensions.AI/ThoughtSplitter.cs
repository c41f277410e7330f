using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Tells what a model thinks from what it answers. The mark between is one token, so it comes in one piece.</summary>
/// <param name="thinking">Whether the answer begins with a thought.</param>
internal sealed class ThoughtSplitter(bool thinking)
{
    private const string End = "</think>";

    private bool _thinking = thinking;

    public List<AIContent> Split(string text)
    {
        List<AIContent> contents = [];
        if (_thinking)
        {
            int end = text.IndexOf(End, StringComparison.Ordinal);
            string thought = end < 0 ? text : text[..end];
            if (thought.Length > 0)
                contents.Add(new TextReasoningContent(thought));
            if (end < 0)
                return contents;
            _thinking = false;
            text = text[(end + End.Length)..];
        }
        if (text.Length > 0)
            contents.Add(new TextContent(text));
        return contents;
    }
}
