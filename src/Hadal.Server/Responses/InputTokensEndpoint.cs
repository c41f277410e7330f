using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary><c>POST /v1/responses/input_tokens</c>: how many tokens the prompt of a request has.</summary>
internal static class InputTokensEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = ResponsesRequest.Read(call.Body, call.Model, call.Options);
        int count = await request.Paths.TranslatingAsync(() => call.CountTokensAsync(request.Chat));
        await call.ReplyAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "response.input_tokens");
            json.WriteNumber("input_tokens", count);
            json.WriteEndObject();
        });
    }
}
