using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Inference;

/// <summary>
/// The prefix cache as texts use it. In <see cref="PrefillForm.Absorbed"/> a token has the same bits however it was computed, and
/// all full pages are shared; in other forms only those that hold nothing but tokens of prompts.
/// </summary>
/// <param name="cache">The cache.</param>
/// <param name="form">The form of a prompt's attention.</param>
internal sealed class SharedPrefixes(PagedCache cache, PrefillForm form)
{
    /// <summary>Gives a new sequence what is cached of a text's beginning.</summary>
    /// <returns>Tokens in it.</returns>
    public int Attach(TextChoice text, CachedSequence sequence) =>
        cache.Prefixes.Attach(sequence, Readable(text), KeyOf(text));

    /// <summary>Publishes the full pages of a text. Nothing follows them in the batch yet.</summary>
    public void Publish(TextChoice text)
    {
        CachedSequence sequence = text.Sequence!;
        if (
            sequence.Length / PagedCache.PageTokens > sequence.PublishedPages
            && sequence.Length <= Shared(text).Length
        )
            cache.Prefixes.Publish(sequence, text.Tokens, KeyOf(text));
    }

    /// <summary>Whether a text that runs is computing a page that a waiting one can share: then that waits.</summary>
    public bool AreComputed(TextChoice text, RunningTexts running)
    {
        WaitingState waiting = text.Waiting;
        if (waiting.Awaited is { Sequence: { } awaited } && awaited.Length < waiting.AwaitedLength)
            return true;
        waiting.Awaited = null;
        for (int i = 0; i < running.Count; i++)
        {
            TextChoice other = running[i];
            int common = CommonTokens(text, other);
            if (common <= other.Sequence!.Length)
                continue;
            waiting.Awaited = other;
            waiting.AwaitedLength = common;
            return true;
        }
        return false;
    }

    // In whole pages.
    private int CommonTokens(TextChoice text, TextChoice other)
    {
        if (!KeyOf(text).Equals(KeyOf(other)))
            return 0;
        int common = Readable(text)[..^1].CommonPrefixLength(Shared(other));
        return common / PagedCache.PageTokens * PagedCache.PageTokens;
    }

    // Cached tokens have no logits, which the first choice may want of the prompt.
    private ReadOnlySpan<int> Readable(TextChoice text)
    {
        ReadOnlySpan<int> shared = Shared(text);
        return text.Index == 0
            ? shared[..Math.Min(shared.Length, text.Request.ForetoldTokens)]
            : shared;
    }

    private ReadOnlySpan<int> Shared(TextChoice text) =>
        form == PrefillForm.Absorbed ? text.Tokens : text.Tokens[..text.Request.PromptLength];

    private static PrefixKey KeyOf(TextChoice text) => new(text.Request.Options.CacheSalt);
}
