namespace Hadal.Load.Streams;

/// <summary>What a chunk adds to a text.</summary>
/// <param name="Text">Of <c>/v1/completions</c>.</param>
/// <param name="Delta">Of <c>/v1/chat/completions</c>.</param>
/// <param name="FinishReason">Why it ended; null while it goes on.</param>
internal sealed record StreamChoice(string? Text, StreamDelta? Delta, string? FinishReason)
{
    /// <summary>The characters that it adds; thoughts count as well.</summary>
    public string Added => Text ?? Delta?.ReasoningContent ?? Delta?.Content ?? "";
}
