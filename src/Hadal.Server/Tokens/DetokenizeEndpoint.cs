using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;

namespace Hadal.Server.Tokens;

/// <summary><c>POST /detokenize</c>: the text of tokens.</summary>
internal static class DetokenizeEndpoint
{
    public static Task HandleAsync(ApiCall call)
    {
        var request = new JsonFields(call.Body, ApiException.Root, ApiException.Create);
        ModelField.Check(request, call.Model);
        _ = request.Array("tokens");
        int most = call.Chat.Engine.Model.Config.VocabSize - 1;
        string text = call.Chat.Engine.Tokenizer.Decode(
            request.Integers("tokens", 0, most).AsSpan()
        );
        return call.ReplyAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString("prompt", text);
            json.WriteEndObject();
        });
    }
}
