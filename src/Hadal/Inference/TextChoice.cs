using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance.Buffers;
using Hadal.Caching;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Inference;

/// <summary>One of the texts of a request: what is admitted, scheduled and preempted. The step loop's, once submitted.</summary>
internal sealed class TextChoice
{
    // A text of so many tokens never grows.
    private const int ShortText = 256;

    private readonly List<int> _tokens; // The prompt, then those generated.
    private readonly Utf8StreamDecoder _decoder = new();
    private bool _isStopped;

    public TextChoice(
        InferenceRequest request,
        int index,
        ReadOnlySpan<int> prompt,
        StopConditions stop,
        Sampler sampler,
        GrammarMatcher? matcher
    )
    {
        Request = request;
        Index = index;
        Stop = new StopMatcher(stop);
        Sampler = sampler;
        Matcher = matcher;
        sampler.Observe(prompt);
        _tokens = new List<int>(prompt.Length + Math.Min(stop.MaxTokens!.Value, ShortText));
        _tokens.AddRange(prompt);
    }

    public InferenceRequest Request { get; }

    public int Index { get; }

    public Sampler Sampler { get; set; }

    public StopMatcher Stop { get; }

    /// <summary>Where it is in its grammar; null where it has none.</summary>
    public GrammarMatcher? Matcher { get; }

    /// <summary>Its place in the cache while it runs; null while it waits, or has ended.</summary>
    public CachedSequence? Sequence { get; set; }

    /// <summary>Whether nothing after what there is is wanted.</summary>
    public bool IsStopped
    {
        get => Volatile.Read(ref _isStopped);
        set => Volatile.Write(ref _isStopped, value);
    }

    /// <summary>Whether it is to end before a step, and why.</summary>
    public FinishReason? EndsEarly => IsStopped ? FinishReason.Stop : Request.EndsEarly;

    /// <summary>Whether it was admitted before.</summary>
    public bool HasRun { get; set; }

    /// <summary>What its admission knows of it.</summary>
    public WaitingState Waiting { get; } = new();

    /// <summary>What is guessed to follow.</summary>
    public DraftState Drafts { get; } = new();

    /// <summary>All tokens that are known.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Those of them that the cache does not hold.</summary>
    public ReadOnlySpan<int> Pending => Tokens[Sequence!.Length..];

    /// <summary>Whether all that is pending is the token generated last.</summary>
    public bool IsDecoding =>
        Sequence!.Length >= Request.PromptLength && Sequence.Length == _tokens.Count - 1;

    /// <summary>The most tokens of one kind that can come next.</summary>
    public int NextCount =>
        Sequence!.Length < Request.PromptLength
            ? Request.PromptLength - Sequence.Length
            : _tokens.Count - Sequence.Length;

    /// <summary>Whether its next token tells what attention saw.</summary>
    public bool WantsSelection => Stop.TokenCount < Request.Options.SelectionTokens;

    /// <summary>Tokens of a prompt that it may have of the step being shared out.</summary>
    public int Share { get; set; }

    /// <summary>Takes out of the cache what is not the text's: drafts that were wrong, or that are not verified yet.</summary>
    public void DropDrafts()
    {
        // The token generated last goes in with the next step.
        if (Sequence!.Length >= _tokens.Count)
            Sequence.Truncate(_tokens.Count - 1);
    }

    /// <summary>Adds a token, which may be part of a character.</summary>
    /// <param name="token">Its id.</param>
    /// <param name="tokenizer">Tells its bytes.</param>
    /// <param name="decoded">Is used meanwhile.</param>
    /// <param name="text">Gets the text that is certain since.</param>
    public void Append(
        int token,
        DeepSeekTokenizer tokenizer,
        ArrayPoolBufferWriter<char> decoded,
        ArrayPoolBufferWriter<char> text
    )
    {
        _tokens.Add(token);
        decoded.Clear();
        if (!Request.Options.SkipSpecialTokens || !tokenizer.IsSpecial(token))
            _decoder.Append(tokenizer.GetBytes(token), decoded);
        bool ends = Matcher is not null && Stop.Tokens.Contains(token);
        if (!ends)
            Matcher?.Accept(token);
        if ((ends ? Stop.End() : Stop.Push(token, decoded.WrittenSpan, text)) is { } reason)
            Complete(reason, decoded, text);
    }

    /// <summary>Ends the text.</summary>
    /// <param name="reason">Why, where it has not ended.</param>
    /// <param name="decoded">Is used meanwhile.</param>
    /// <param name="text">Gets what was held back.</param>
    public void Complete(
        FinishReason reason,
        ArrayPoolBufferWriter<char> decoded,
        ArrayPoolBufferWriter<char> text
    )
    {
        decoded.Clear();
        _decoder.Flush(decoded);
        Stop.Complete(decoded.WrittenSpan, text, reason);
    }

    /// <summary>Its order among those that run: of the first request, then of the first choice.</summary>
    public bool IsBefore(TextChoice other) =>
        Request.Number != other.Request.Number
            ? Request.Number < other.Request.Number
            : Index < other.Index;
}
