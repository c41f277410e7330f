using System.Runtime.CompilerServices;
using Hadal.Answering;
using Hadal.Extensions.AI;
using Hadal.Generation;
using Microsoft.Extensions.AI;

namespace Hadal.Server.Loading;

/// <summary>A chat client of the application's model; requests that come before it is loaded wait for it. Thread-safe.</summary>
internal sealed class LoadingChatClient(HadalModel model) : IChatClient
{
    private readonly ChatClientMetadata _metadata = new("hadal", defaultModelId: model.Name);
    private readonly Lock _lock = new();
    private IChatClient? _client;

    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        IChatClient client = await ClientAsync(cancellationToken);
        return await client.GetResponseAsync(messages, options, cancellationToken);
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        IChatClient client = await ClientAsync(cancellationToken);
        await foreach (
            ChatResponseUpdate update in client.GetStreamingResponseAsync(
                messages,
                options,
                cancellationToken
            )
        )
            yield return update;
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
            return null;
        if (serviceType == typeof(ChatClientMetadata))
            return _metadata;
        if (serviceType.IsInstanceOfType(this))
            return this;
        return serviceType.IsInstanceOfType(model) ? model : null;
    }

    // The model is the application's, and ends with it.
    public void Dispose() { }

    private async Task<IChatClient> ClientAsync(CancellationToken cancellationToken)
    {
        ChatEngine chat = await model.WaitUntilLoadedAsync(cancellationToken);
        lock (_lock)
            return _client ??= chat.Engine.AsIChatClient(
                chat.Template,
                new GenerationOptions { Sampling = model.Sampling },
                model.Name
            );
    }
}
