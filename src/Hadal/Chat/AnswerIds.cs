using System.Text;
using Hadal.Tokenization;

namespace Hadal.Chat;

/// <summary>The tokens of an earlier answer, as it was generated.</summary>
internal static class AnswerIds
{
    /// <summary>
    /// The last of the generated tokens that spell what a prompt has of an answer: a mark is its one token, a text is any
    /// tokens of just that text. None where there are no such. Before them may be a thought that the prompt leaves out, after
    /// them an EOS, which is none of the answer.
    /// </summary>
    /// <param name="pieces">What the prompt has of the answer. Between two texts is a mark.</param>
    /// <param name="generated">The tokens.</param>
    /// <param name="tokenizer">Tells their texts.</param>
    public static ReadOnlySpan<int> Of(
        IReadOnlyList<ChatPiece> pieces,
        IReadOnlyList<int> generated,
        DeepSeekTokenizer tokenizer
    )
    {
        int[] ids = [.. generated];
        int end = ids.Length > 0 && ids[^1] == tokenizer.EosId ? ids.Length - 1 : ids.Length;
        int begin = end;
        for (int i = pieces.Count - 1; i >= 0; i--)
        {
            int length = pieces[i].Id is { } mark
                ? CountMark(ids.AsSpan(0, begin), mark)
                : CountText(ids.AsSpan(0, begin), pieces[i].Text, tokenizer);
            if (length == 0)
                return [];
            begin -= length;
        }
        return ids.AsSpan(begin..end);
    }

    private static int CountMark(ReadOnlySpan<int> ids, int mark) =>
        !ids.IsEmpty && ids[^1] == mark ? 1 : 0;

    /// <summary>How many of the last tokens spell a text that is not empty; 0 where none do.</summary>
    private static int CountText(ReadOnlySpan<int> ids, string text, DeepSeekTokenizer tokenizer)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        int begin = ids.Length;
        for (; begin > 0 && length > 0; begin--)
        {
            // Special tokens in a text are its letters, not the tokens.
            if (ids[begin - 1] < 0 || tokenizer.IsSpecial(ids[begin - 1]))
                return 0;
            length -= tokenizer.GetBytes(ids[begin - 1]).Length;
        }
        return length == 0 && tokenizer.Decode(ids[begin..]) == text ? ids.Length - begin : 0;
    }
}
