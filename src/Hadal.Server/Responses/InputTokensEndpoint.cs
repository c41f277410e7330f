using Hadal.Chat;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary><c>POST /v1/responses/input_tokens</c>: how many tokens the prompt of a request has.</summary>
internal static class InputTokensEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = ResponsesRequest.Read(call.Body, call.Model, call.Options);
        int count = await CountAsync(call, request);
        await call.ReplyAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "response.input_tokens");
            json.WriteNumber("input_tokens", count);
            json.WriteEndObject();
        });
    }

    private static async Task<int> CountAsync(ApiCall call, ResponsesRequest request)
    {
        try
        {
            return await call.CountTokensAsync(request.Chat);
        }
        catch (ConversationException e)
        {
            throw request.Paths.Translate(e);
        }
    }
}
