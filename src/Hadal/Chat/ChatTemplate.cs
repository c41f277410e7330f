using System.Text;
using Hadal.Tokenization;

namespace Hadal.Chat;

/// <summary>
/// Turns a conversation into the prompt that a DeepSeek chat model was trained on. The rules are those of the published
/// <c>chat_template</c> of V3 and V3.1 (<c>tokenizer_config.json</c>) and of V3.2's <c>encoding/encoding_dsv32.py</c>,
/// without tools. Thread-safe.
/// </summary>
/// <param name="format">The model's format.</param>
public sealed class ChatTemplate(ChatFormat format)
{
    private const string User = "<｜User｜>";
    private const string Assistant = "<｜Assistant｜>";
    private const string ThinkBegin = "<think>";
    private const string ThinkEnd = "</think>";
    private const string Bos = "<｜begin▁of▁sentence｜>";
    private const string Eos = "<｜end▁of▁sentence｜>";

    /// <summary>The model's format.</summary>
    public ChatFormat Format { get; } =
        Enum.IsDefined(format)
            ? format
            : throw new ArgumentOutOfRangeException(
                nameof(format),
                format,
                "must be V3, V31 or V32"
            );

    /// <summary>
    /// The format of a checkpoint, told by its chat template. DeepSeek-V3.2 has none: its own encoder is meant where the
    /// model type is <c>deepseek_v32</c>.
    /// </summary>
    /// <param name="tokenizer">The checkpoint's tokenizer.</param>
    /// <param name="modelType">
    /// The <c>model_type</c> of its <c>config.json</c>; null to read it from <see cref="DeepSeekTokenizer.Folder"/>.
    /// </param>
    /// <exception cref="TokenizerException">The template is none of those known, or there is none.</exception>
    public static ChatTemplate For(DeepSeekTokenizer tokenizer, string? modelType = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return tokenizer.ChatTemplateText switch
        {
            null => new ChatTemplate(WithoutTemplate(tokenizer, modelType)),
            { } t when !Has(t, User) || !Has(t, Assistant) => throw Unknown(
                "it lacks DeepSeek's turns"
            ),
            { } t when Has(t, "not thinking") && Has(t, ThinkBegin) && Has(t, ThinkEnd) =>
                new ChatTemplate(ChatFormat.V31),
            { } t when Has(t, ThinkBegin) || Has(t, ThinkEnd) => throw Unknown(
                "it thinks without a switch, as R1's does"
            ),
            _ => new ChatTemplate(ChatFormat.V3),
        };

        static bool Has(string text, string part) => text.Contains(part, StringComparison.Ordinal);

        static TokenizerException Unknown(string why) =>
            new(
                $"chat_template: {why}; the templates of DeepSeek-V3, V3.1 and V3.2 are supported. Other models go on with a text, or with ids of a prompt rendered elsewhere"
            );
    }

    private static ChatFormat WithoutTemplate(DeepSeekTokenizer tokenizer, string? modelType)
    {
        if (modelType is null && tokenizer.Folder is { } folder)
            modelType = new TokenizerFolder(folder).ReadModelType();
        return modelType == "deepseek_v32"
            ? ChatFormat.V32
            : throw new TokenizerException(
                $"The checkpoint has no chat template, neither in chat_template.jinja nor in tokenizer_config.json, and its model_type is {(modelType is null ? "not known" : $"'{QuotedText.Shorten(modelType)}'")}, not 'deepseek_v32', which needs none; put its chat_template.jinja beside tokenizer.json, or name the format: new ChatTemplate(ChatFormat)"
            );
    }

    /// <summary>
    /// The ids of the prompt that asks for the answer to the last turn. BOS is in it, once; special tokens in a turn's
    /// content stay plain text.
    /// </summary>
    /// <param name="tokenizer">The checkpoint's tokenizer.</param>
    /// <param name="turns">The conversation; its last turn must be the user's.</param>
    /// <param name="thinking">Whether the model thinks before it answers. Not for <see cref="ChatFormat.V3"/>.</param>
    /// <param name="cancellationToken">Looked at as <see cref="DeepSeekTokenizer.Encode"/> does.</param>
    /// <exception cref="ArgumentException">The last turn is not the user's, or V3 is asked to think.</exception>
    /// <exception cref="TokenizerException">The tokenizer lacks a token of the format.</exception>
    public int[] Encode(
        DeepSeekTokenizer tokenizer,
        IReadOnlyList<ChatTurn> turns,
        bool thinking = false,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var ids = new List<int>();
        var text = new StringBuilder();
        foreach (ChatPiece piece in Pieces(turns, thinking))
        {
            if (AnswerIds.Of(piece, tokenizer) is { Count: > 0 } sampled)
            {
                Flush();
                ids.AddRange(sampled);
            }
            else if (piece.IsToken)
            {
                Flush();
                ids.Add(Id(piece.Text));
            }
            else
            {
                text.Append(piece.Text);
            }
        }
        Flush();
        return [.. ids];

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

        int Id(string token) =>
            tokenizer.TryGetAddedToken(token, out int id)
                ? id
                : throw new TokenizerException(
                    $"tokenizer.json.added_tokens: '{token}' is missing; the chat format {Format} needs it"
                );
    }

    /// <summary>The prompt as text, to look at. Use <see cref="Encode"/> for ids: only that keeps content apart.</summary>
    /// <param name="turns">The conversation; its last turn must be the user's.</param>
    /// <param name="thinking">Whether the model thinks before it answers.</param>
    /// <exception cref="ArgumentException">The last turn is not the user's, or V3 is asked to think.</exception>
    public string Render(IReadOnlyList<ChatTurn> turns, bool thinking = false) =>
        string.Concat(Pieces(turns, thinking).Select(p => p.Text));

    private List<ChatPiece> Pieces(IReadOnlyList<ChatTurn> turns, bool thinking)
    {
        ArgumentNullException.ThrowIfNull(turns);
        if (turns.Count == 0 || turns[^1].Role != ChatTurn.UserRole)
            throw new ArgumentException(
                $"The last turn is {(turns.Count == 0 ? "missing" : $"of '{turns[^1].Role}'")}; it must be the user's",
                nameof(turns)
            );
        if (thinking && Format == ChatFormat.V3)
            throw new ArgumentException("DeepSeek-V3 has no thinking mode", nameof(thinking));
        List<ChatPiece> pieces = [new(Bos, true)];
        if (Format == ChatFormat.V32)
            AppendV32(turns, thinking, pieces);
        else
            AppendJinja(turns, thinking, pieces);
        return pieces;
    }

    /// <summary>V3 and V3.1: system turns move to the front; an answer is opened where an assistant turn follows.</summary>
    private void AppendJinja(IReadOnlyList<ChatTurn> turns, bool thinking, List<ChatPiece> pieces)
    {
        IEnumerable<string> system = turns
            .Where(t => t.Role == ChatTurn.SystemRole)
            .Select(t => t.Content);
        pieces.Add(new(string.Join("\n\n", system), false));
        bool afterUser = false;
        foreach (ChatTurn turn in turns)
        {
            if (turn.Role == ChatTurn.UserRole)
            {
                pieces.Add(new(User, true));
                pieces.Add(new(turn.Content, false));
                afterUser = true;
            }
            else if (turn.Role == ChatTurn.AssistantRole)
            {
                // V3.1 opens an answer only after a user; V3 opens every one.
                if (Format == ChatFormat.V3)
                    pieces.Add(new(Assistant, true));
                else if (afterUser)
                    Open(thinking: false, pieces);
                AppendAnswer(turn, pieces);
                afterUser = false;
            }
        }
        if (Format == ChatFormat.V3)
            pieces.Add(new(Assistant, true));
        else
            Open(thinking, pieces);
    }

    /// <summary>V3.2: turns stay in place; every user turn opens an answer, and only the last may think.</summary>
    private void AppendV32(IReadOnlyList<ChatTurn> turns, bool thinking, List<ChatPiece> pieces)
    {
        for (int i = 0; i < turns.Count; i++)
        {
            if (turns[i].Role == ChatTurn.UserRole)
            {
                pieces.Add(new(User, true));
                pieces.Add(new(turns[i].Content, false));
                Open(thinking && i == turns.Count - 1, pieces);
            }
            else if (turns[i].Role == ChatTurn.AssistantRole)
            {
                AppendAnswer(turns[i], pieces);
            }
            else
            {
                pieces.Add(new(turns[i].Content, false));
            }
        }
    }

    private static void Open(bool thinking, List<ChatPiece> pieces)
    {
        pieces.Add(new(Assistant, true));
        pieces.Add(new(thinking ? ThinkBegin : ThinkEnd, true));
    }

    /// <summary>An earlier answer, without what it thought (V3 does not think: its answers stay whole).</summary>
    private void AppendAnswer(ChatTurn turn, List<ChatPiece> pieces)
    {
        string content = turn.Content;
        int thought = content.IndexOf(ThinkEnd, StringComparison.Ordinal);
        bool drop = Format != ChatFormat.V3 && thought >= 0;
        string said = drop ? content[(thought + ThinkEnd.Length)..] : content;
        pieces.Add(new(said, false, turn));
        pieces.Add(new(Eos, true));
    }
}
