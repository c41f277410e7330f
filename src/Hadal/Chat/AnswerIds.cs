using System.Text;
using Hadal.Tokenization;

namespace Hadal.Chat;

/// <summary>The tokens of an earlier answer, as it was generated.</summary>
internal static class AnswerIds
{
    /// <summary>
    /// The last of the generated tokens whose text is the piece's; none where there are no such. Before them may be a thought,
    /// after them an EOS, which are none of the piece.
    /// </summary>
    public static IReadOnlyList<int> Of(ChatPiece piece, DeepSeekTokenizer tokenizer)
    {
        if (piece.Turn?.Ids is not { Count: > 0 } generated)
            return [];
        int[] ids = [.. generated];
        int end = ids[^1] == tokenizer.EosId ? ids.Length - 1 : ids.Length;
        int length = Encoding.UTF8.GetByteCount(piece.Text);
        int begin = end;
        for (; begin > 0 && length > 0; begin--)
        {
            // Special tokens in a text are its letters, not the tokens.
            if (ids[begin - 1] < 0 || tokenizer.IsSpecial(ids[begin - 1]))
                return [];
            length -= tokenizer.GetBytes(ids[begin - 1]).Length;
        }
        ReadOnlySpan<int> answer = ids.AsSpan(begin..end);
        return length == 0 && tokenizer.Decode(answer) == piece.Text ? answer.ToArray() : [];
    }
}
