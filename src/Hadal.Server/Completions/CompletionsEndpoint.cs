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
        var request = CompletionRequest.Read(
            call.Body,
            call.Model,
            call.Options,
            mostPrompts: Math.Min(call.Options.MaxQueuedRequests, call.Tenant.MaxRequests)
        );
        int[][] prompts = new int[request.Prompts.Count][];
        IReadOnlyList<InferenceRequest> texts = await call.SubmitAsync(
            prompts.Length,
            request.Generation,
            (index, generation) =>
            {
                prompts[index] = request.Prompts[index](call.Cancellation);
                return prompts[index].Length > 0
                    ? call.Chat.Engine.Submit(prompts[index], generation)
                    : throw ApiException.Field("prompt", "is empty; it must have a token");
            }
        );
        RequestRecord[] records = [.. texts.Select(text => call.Metrics.Begin(() => text.Usage))];
        try
        {
            var writer = new CompletionWriter(call.Model, texts, request, prompts);
            await AnswerAsync(call, texts, writer, request.Stream);
            foreach ((RequestRecord record, InferenceRequest text) in records.Zip(texts))
                record.Complete(text.FinishReasons.Select(reason => FinishReasons.Of(reason)!));
        }
        finally
        {
            foreach (RequestRecord record in records)
                record.Dispose();
        }
    }

    private static async Task AnswerAsync(
        ApiCall call,
        IReadOnlyList<InferenceRequest> texts,
        CompletionWriter writer,
        StreamFields fields
    )
    {
        var tokens = texts.Merged(call.Cancellation);
        if (!fields.IsStreamed)
        {
            await foreach ((int prompt, GeneratedToken token) in tokens)
                writer.Take(prompt, token);
            await call.ReplyAsync(writer.WriteWhole);
            return;
        }
        ServerSentEvents stream = call.Stream(ApiErrors.Tell);
        await call.StreamAsync(
            stream,
            tokens,
            item =>
            {
                int choice = writer.Take(item.Stream, item.Item);
                if (writer.HasNews(choice))
                    stream.Add(json => writer.WriteChunk(json, choice));
            }
        );
        if (fields.IncludesUsage)
            stream.Add(writer.WriteUsageChunk);
        stream.AddLine("[DONE]");
        await stream.FlushAsync();
    }
}
