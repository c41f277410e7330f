using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Requests;
using Hadal.Tokenization;

namespace Hadal.Server.Tokens;

/// <summary><c>POST /tokenize</c>: the tokens of a text, or of the prompt of a conversation.</summary>
internal static class TokenizeEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = new JsonFields(call.Body, ApiException.Root, ApiException.Create);
        ModelField.Check(request, call.Model);
        DeepSeekTokenizer tokenizer = call.Chat.Engine.Tokenizer;
        CancellationToken cancellation = call.Cancellation;
        Func<int[]> encode;
        if (request.Has("messages"))
        {
            if (request.Has("prompt"))
                throw ApiException.Field("prompt", "stands beside messages; send one of them");
            if (request.Has("add_generation_prompt") && !request.Flag("add_generation_prompt"))
                throw request.Bad(
                    "add_generation_prompt",
                    "but prompts here end where the answer begins; leave it out"
                );
            ChatConversation conversation = ChatRequestJson.Read(call.Body);
            encode = () =>
                call.Chat.Template.Encode(tokenizer, conversation, cancellation).Ids.ToArray();
        }
        else
        {
            if (!request.Has("prompt"))
                throw ApiException.Field("prompt", "is missing; send it, or messages");
            string text = request.Text("prompt");
            bool adds = !request.Has("add_special_tokens") || request.Flag("add_special_tokens");
            encode = () => tokenizer.Encode(text, adds, cancellationToken: cancellation);
        }
        int[] ids = await Task.Run(encode, cancellation);
        await call.ReplyAsync(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("count", ids.Length);
            json.WriteNumber("max_model_len", call.Chat.Engine.MaxTokens);
            json.WriteStartArray("tokens");
            foreach (int id in ids)
                json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }
}
