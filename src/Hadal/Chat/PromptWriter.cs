using System.Text;
using Hadal.Tokenization;

namespace Hadal.Chat;

/// <summary>Gathers a prompt: what the format writes, in which marks are tokens, and what a conversation says, which is text.</summary>
/// <param name="format">The format, for errors.</param>
/// <param name="tokenizer">Has the marks' ids; null to make a text alone.</param>
internal sealed class PromptWriter(ChatFormat format, DeepSeekTokenizer? tokenizer)
{
    private readonly List<ChatPiece> _pieces = [];
    private readonly StringBuilder _text = new(); // What follows the last piece.
    private readonly List<(int Begin, int End, IReadOnlyList<int> Ids)> _answers = [];
    private int _answerBegin;

    /// <summary>Whether the prompt ends in <c>&lt;think&gt;</c>, which its format wrote.</summary>
    public bool StartsThinking { get; private set; }

    /// <summary>Adds a text of the format's own.</summary>
    /// <exception cref="TokenizerException">The tokenizer lacks a mark that is in it.</exception>
    public void Format(string text)
    {
        StartsThinking = text.EndsWith(ChatMarks.ThinkBegin, StringComparison.Ordinal);
        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty; )
        {
            int index = ChatMarks.FindFirst(rest, out string mark);
            _text.Append(rest[..index]);
            if (Id(mark) is { } id)
            {
                EndPiece();
                _pieces.Add(new(mark, id));
            }
            else
            {
                _text.Append(mark);
            }
            rest = rest[(index + mark.Length)..];
        }
    }

    /// <summary>Adds a text of the conversation.</summary>
    public void Content(string text)
    {
        StartsThinking = false;
        _text.Append(text);
    }

    /// <summary>Begins an earlier answer.</summary>
    public void BeginAnswer()
    {
        EndPiece();
        _answerBegin = _pieces.Count;
    }

    /// <summary>Ends an earlier answer, before its EOS.</summary>
    /// <param name="turn">The answer. Where its tokens are known and spell what was added, they take the place of that.</param>
    public void EndAnswer(ChatTurn turn)
    {
        EndPiece();
        if (turn.Ids is { } ids)
            _answers.Add((_answerBegin, _pieces.Count, ids));
    }

    /// <summary>The prompt's text.</summary>
    public string Render()
    {
        EndPiece();
        return string.Concat(_pieces.Select(piece => piece.Text));
    }

    /// <summary>The prompt's tokens.</summary>
    public int[] Encode(CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        EndPiece();
        var ids = new List<int>();
        var text = new StringBuilder();
        int done = 0;
        foreach ((int begin, int end, IReadOnlyList<int> generated) in _answers)
        {
            AddPieces(done, begin);
            done = begin;
            ReadOnlySpan<int> sampled = AnswerIds.Of(_pieces[begin..end], generated, tokenizer);
            if (sampled.IsEmpty)
                continue;
            Flush();
            ids.AddRange(sampled);
            done = end;
        }
        AddPieces(done, _pieces.Count);
        Flush();
        return [.. ids];

        // Text goes through the tokenizer as far as the next token, whoever wrote its parts.
        void AddPieces(int begin, int end)
        {
            foreach (ChatPiece piece in _pieces[begin..end])
            {
                if (piece.Id is { } id)
                {
                    Flush();
                    ids.Add(id);
                }
                else
                {
                    text.Append(piece.Text);
                }
            }
        }

        void Flush()
        {
            ids.AddRange(
                tokenizer.Encode(
                    text.ToString(),
                    addSpecialTokens: false,
                    cancellationToken: cancellationToken
                )
            );
            text.Clear();
        }
    }

    private void EndPiece()
    {
        if (_text.Length == 0)
            return;
        _pieces.Add(new(_text.ToString(), null));
        _text.Clear();
    }

    private int? Id(string mark)
    {
        if (tokenizer is null || mark.Length == 0)
            return null;
        if (tokenizer.TryGetAddedToken(mark, out int id))
            return id;
        return mark == ChatMarks.Dsml
            ? null
            : throw new TokenizerException(
                $"tokenizer.json.added_tokens: '{mark}' is missing; the chat format {format} needs it"
            );
    }
}
