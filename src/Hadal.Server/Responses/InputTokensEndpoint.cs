using Hadal.Chat;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary><c>POST /v1/responses/input_tokens</c>: how many tokens the prompt of a request has.</summary>
internal static class InputTokensEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = ResponsesRequest.Read(call.Body, call.Model, call.Options);
        int count = await Task.Run(() => Count(call, request), call.Cancellation);
        await call.ReplyAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "response.input_tokens");
            json.WriteNumber("input_tokens", count);
            json.WriteEndObject();
        });
    }

    private static int Count(ApiCall call, ResponsesRequest request)
    {
        try
        {
            ChatPrompt prompt = call.Chat.Template.Encode(
                call.Chat.Engine.Tokenizer,
                request.Chat.Conversation,
                call.Cancellation
            );
            return prompt.Ids.Length;
        }
        catch (ConversationException e)
        {
            throw request.Paths.Translate(e);
        }
    }
}
