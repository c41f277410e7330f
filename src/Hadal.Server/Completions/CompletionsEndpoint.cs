using Hadal.Generation;
using Hadal.Inference;
using Hadal.Server.Http;
using Hadal.Server.Metrics;
using Hadal.Server.Requests;

namespace Hadal.Server.Completions;

/// <summary><c>POST /v1/completions</c>.</summary>
internal static class CompletionsEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = CompletionRequest.Read(call.Body, call.Model, call.Options);
        int[] prompt = [];
        InferenceRequest texts = await call.SubmitAsync(
            request.Generation,
            generation =>
            {
                prompt = request.Encode(call.Cancellation);
                if (prompt.Length == 0)
                    throw ApiException.Field("prompt", "is empty; it must have a token");
                return call.Chat.Engine.Submit(prompt, generation);
            }
        );
        using RequestRecord record = call.Metrics.Begin(() => texts.Usage);
        var writer = new CompletionWriter(call.Model, texts, request, prompt);
        ServerSentEvents stream = call.Stream();
        var tokens = texts.WithPauses(call.Options.CommentInterval, call.Cancellation);
        await foreach ((bool came, GeneratedToken token) in tokens)
        {
            if (came)
                writer.Take(token);
            if (!request.Stream.IsStreamed)
                continue;
            if (!came)
            {
                await stream.CommentAsync("waiting");
            }
            else if (writer.HasNews(token.Choice))
            {
                stream.Add(json => writer.WriteChunk(json, token.Choice));
                await stream.FlushAsync();
            }
        }
        if (request.Stream.IsStreamed)
        {
            if (request.Stream.IncludesUsage)
                stream.Add(writer.WriteUsageChunk);
            stream.AddLine("[DONE]");
            await stream.FlushAsync();
        }
        else
        {
            await call.ReplyAsync(writer.WriteWhole);
        }
        record.Complete(texts.FinishReasons.Select(reason => FinishReasons.Of(reason)!));
    }
}
