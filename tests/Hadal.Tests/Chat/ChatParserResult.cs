using System.Text;
using Hadal.Chat;

namespace Hadal.Tests.Chat;

/// <summary>What a parser makes of an answer, with the rules checked that hold for the deltas of any answer.</summary>
internal sealed class ChatParserResult
{
    public string Reasoning { get; private set; } = "";

    public string Content { get; private set; } = "";

    public List<(string Name, string Arguments)> Calls { get; } = [];

    /// <summary>The call that was cut, if one was.</summary>
    public (string Name, string Arguments)? HalfCall { get; private set; }

    /// <summary>All deltas in order, those joined that follow each other for the same part.</summary>
    public List<ChatDelta> Joined { get; } = [];

    /// <summary>The deltas of each append, those of the end last.</summary>
    public List<List<ChatDelta>> Steps { get; } = [];

    public bool IsStopped { get; private set; }

    public static ChatParserResult Of(
        IEnumerable<string> pieces,
        ChatFormat format = ChatFormat.V32,
        bool thinking = false,
        bool hasTools = true,
        bool isCut = false,
        params string[] stops
    )
    {
        var parser = new ChatParser(format, thinking, hasTools, stops);
        var result = new ChatParserResult();
        foreach (string piece in pieces)
        {
            result.Steps.Add([]);
            parser.Append(piece, result.Steps[^1]);
        }
        result.Steps.Add([]);
        parser.Complete(isCut, result.Steps[^1]);
        foreach (ChatDelta delta in result.Steps.SkipLast(1).SelectMany(step => step))
            result.Add(delta);
        foreach (ChatDelta delta in result.Steps[^1])
            result.Add(delta, isCut);
        Assert.Equal(parser.CallCount, result.Calls.Count);
        Assert.True(isCut || result.HalfCall is null);
        result.IsStopped = parser.IsStopped;
        return result;
    }

    public static ChatParserResult Of(
        string text,
        ChatFormat format = ChatFormat.V32,
        bool thinking = false,
        bool hasTools = true,
        bool isCut = false,
        params string[] stops
    ) => Of([text], format, thinking, hasTools, isCut, stops);

    public static IEnumerable<string> Pieces(string text, int size) =>
        text.Chunk(size).Select(chunk => new string(chunk));

    private void Add(ChatDelta delta, bool isCut = false)
    {
        // Throws for half a surrogate pair.
        _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(delta.Text);
        bool isOpen = HalfCall is not null;
        switch (delta.Kind)
        {
            case ChatDeltaKind.Reasoning or ChatDeltaKind.Content:
                // After a call that is cut comes the content from inside it.
                Assert.True(!isOpen || (isCut && delta.Kind == ChatDeltaKind.Content));
                Assert.Equal(-1, delta.Call);
                Assert.NotEqual("", delta.Text);
                if (delta.Kind == ChatDeltaKind.Reasoning)
                    Reasoning += delta.Text;
                else
                    Content += delta.Text;
                break;
            case ChatDeltaKind.CallBegin:
                Assert.False(isOpen);
                Assert.Equal(Calls.Count, delta.Call);
                HalfCall = (delta.Text, "");
                break;
            case ChatDeltaKind.CallArguments:
                Assert.Equal(Calls.Count, delta.Call);
                Assert.NotEqual("", delta.Text);
                HalfCall = (HalfCall!.Value.Name, HalfCall.Value.Arguments + delta.Text);
                break;
            case ChatDeltaKind.CallEnd:
                Assert.Equal((Calls.Count, ""), (delta.Call, delta.Text));
                Calls.Add(HalfCall!.Value);
                HalfCall = null;
                break;
        }
        if (Joined.Count > 0 && (Joined[^1].Kind, Joined[^1].Call) == (delta.Kind, delta.Call))
            Joined[^1] = delta with { Text = Joined[^1].Text + delta.Text };
        else
            Joined.Add(delta);
    }
}
