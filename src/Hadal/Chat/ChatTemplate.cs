using Hadal.Tokenization;

namespace Hadal.Chat;

/// <summary>
/// Turns a conversation into the prompt that a DeepSeek chat model was trained on. The rules are those of the published
/// <c>chat_template</c> of V3 and V3.1 (<c>tokenizer_config.json</c>), of V3.1's model card for tools, and of V3.2's
/// <c>encoding/encoding_dsv32.py</c>. Tools are for V3.1 and V3.2. Thread-safe.
/// </summary>
/// <param name="format">The model's format.</param>
public sealed class ChatTemplate(ChatFormat format)
{
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
            { } t when !Has(t, ChatMarks.User) || !Has(t, ChatMarks.Assistant) => throw Unknown(
                "it lacks DeepSeek's turns"
            ),
            { } t
                when Has(t, "not thinking")
                    && Has(t, ChatMarks.ThinkBegin)
                    && Has(t, ChatMarks.ThinkEnd) => new ChatTemplate(ChatFormat.V31),
            { } t when Has(t, ChatMarks.ThinkBegin) || Has(t, ChatMarks.ThinkEnd) => throw Unknown(
                "it thinks without a switch, as that of DeepSeek-R1, which is not supported"
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
    /// The tokens of a conversation's prompt. BOS is in it, once. Marks of the format are tokens of their own; special tokens
    /// that a turn or a tool spells stay plain text. After a turn of the assistant that ends the conversation V3.2's prompt
    /// opens no further answer.
    /// </summary>
    /// <param name="tokenizer">The checkpoint's tokenizer.</param>
    /// <param name="conversation">The conversation.</param>
    /// <param name="cancellationToken">Looked at as <see cref="DeepSeekTokenizer.Encode"/> does.</param>
    /// <exception cref="ConversationException">The conversation is not whole, or asks for what the format doesn't have.</exception>
    /// <exception cref="TokenizerException">The tokenizer lacks a token of the format.</exception>
    public ChatPrompt Encode(
        DeepSeekTokenizer tokenizer,
        ChatConversation conversation,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        PromptWriter prompt = Write(conversation, tokenizer);
        return new ChatPrompt(prompt.Encode(cancellationToken), prompt.StartsThinking);
    }

    /// <summary>The prompt as text, to look at. Use <see cref="Encode"/> for ids: only that keeps content apart.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <exception cref="ConversationException">The conversation is not whole, or asks for what the format doesn't have.</exception>
    public string Render(ChatConversation conversation) => Write(conversation, null).Render();

    private PromptWriter Write(ChatConversation conversation, DeepSeekTokenizer? tokenizer)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        IReadOnlyList<ChatTurn> turns = ConversationCheck.Turns(conversation, Format);
        var prompt = new PromptWriter(Format, tokenizer);
        if (Format == ChatFormat.V32)
            V32Encoding.Write(conversation, turns, prompt);
        else
            JinjaEncoding.Write(conversation, turns, isV3: Format == ChatFormat.V3, prompt);
        return prompt;
    }
}
