namespace Hadal.Chat;

/// <summary>
/// A conversation that can't become a prompt: a request of another shape, a result without its call, or what the model's format
/// doesn't have.
/// </summary>
/// <remarks>
/// A message begins with the path of what is wrong, as it is in OpenAI's requests: <c>messages[2].tool_call_id</c> is of the
/// turn at index 2.
/// </remarks>
public sealed class ConversationException : HadalException
{
    /// <param name="path">What is wrong.</param>
    /// <param name="problem">What it is, and what it must be.</param>
    /// <param name="inner">The error that led to this one, if any.</param>
    internal ConversationException(string path, string problem, Exception? inner = null)
        : base(QuotedText.Quote($"{path}: {problem}"), inner)
    {
        Path = path;
    }

    /// <summary>What is wrong: <c>messages[2].tool_call_id</c>, for example.</summary>
    public string Path { get; }

    /// <summary>The constructor, for readers that take how to make an error.</summary>
    internal static ConversationException Create(string message, Exception? inner)
    {
        const string request = $"{ChatRequestJson.Root}.";
        if (message.StartsWith(request, StringComparison.Ordinal))
            message = message[request.Length..];
        int colon = message.IndexOf(": ", StringComparison.Ordinal);
        return new(message[..colon], message[(colon + 2)..], inner);
    }
}
