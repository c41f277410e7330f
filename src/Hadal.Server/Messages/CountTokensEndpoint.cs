using Hadal.Server.Http;

namespace Hadal.Server.Messages;

/// <summary><c>POST /v1/messages/count_tokens</c>: the tokens of the prompt that a request of <c>/v1/messages</c> makes.</summary>
internal static class CountTokensEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        int count = await call.CountTokensAsync(MessagesRequest.ReadChat(call.Body, call.Model));
        await call.ReplyAsync(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("input_tokens", count);
            json.WriteEndObject();
        });
    }
}
