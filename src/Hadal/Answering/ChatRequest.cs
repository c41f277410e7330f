using Hadal.Chat;
using Hadal.Generation;

namespace Hadal.Answering;

/// <summary>What a <see cref="ChatEngine"/> answers, and how.</summary>
public sealed record ChatRequest
{
    /// <summary>
    /// What the prompt is made of. Its schema is only told to the model; <see cref="Format"/> makes the answer keep to one.
    /// </summary>
    public required ChatConversation Conversation { get; init; }

    /// <summary>Whether the answer calls tools of the conversation.</summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public ToolChoice ToolChoice
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(ToolChoice));
    } = ToolChoice.Auto;

    /// <summary>Whether an answer may call several tools.</summary>
    public bool ParallelToolCalls { get; init; } = true;

    /// <summary>
    /// What the content must look like. Where the answer may call tools, it is either calls alone or such content alone; where it
    /// must call one, it has no content, and this waits for the answer after the results.
    /// </summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public AnswerFormat Format
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Format));
    } = AnswerFormat.Text;

    /// <summary>
    /// How tokens are chosen, and what ends the answer. Its stop strings end the content: they are not looked for in thoughts and
    /// calls, and do not wait for <see cref="StopConditions.MinTokens"/>. It has no grammar: <see cref="Format"/> has.
    /// </summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public GenerationOptions Generation
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Generation));
    } = new();
}
