using Hadal.Answering;
using Hadal.Server.Http;
using Hadal.Server.Metrics;
using Hadal.Server.Requests;
using Hadal.Server.Selections;

namespace Hadal.Server.Chat;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
internal static class ChatCompletionsEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = ChatCompletionRequest.Read(call.Body, call.Model, call.Options);
        ChatAnswer answer = await call.SubmitAsync(request.Chat);
        using RequestRecord record = call.Metrics.Begin(() => answer.Usage);
        var writer = new ChatCompletionWriter(
            call.Model,
            answer,
            hasLogProbs: request.Chat.Generation.LogProbs is not null,
            hasTimings: request.Hadal.Timings,
            request.Hadal.Selection
                ? new AnswerSelections(
                    answer,
                    call.Chat.Engine.Model,
                    call.Chat.Engine.Tokenizer,
                    request.Chat.Generation.SelectionTokens
                )
                : null
        );
        if (request.IsStreamed)
            await StreamAsync(call, answer, writer, request.IncludesUsage);
        else
            await ReplyAsync(call, answer, writer);
        record.Complete(answer.Choices.Select(choice => FinishReasons.Of(choice.Finish)!));
    }

    private static async Task ReplyAsync(
        ApiCall call,
        ChatAnswer answer,
        ChatCompletionWriter writer
    )
    {
        await foreach (AnswerUpdate update in answer.WithCancellation(call.Cancellation))
            writer.Take(update);
        await call.ReplyAsync(writer.WriteWhole);
    }

    private static async Task StreamAsync(
        ApiCall call,
        ChatAnswer answer,
        ChatCompletionWriter writer,
        bool includesUsage
    )
    {
        ServerSentEvents stream = call.Stream(ApiErrors.Tell);
        await call.StreamAsync(
            stream,
            answer,
            update =>
            {
                writer.Take(update);
                foreach (ChatChunk chunk in writer.Chunks(update))
                    stream.Add(json => writer.WriteChunk(json, chunk, includesUsage));
            }
        );
        if (includesUsage)
            stream.Add(writer.WriteUsageChunk);
        stream.AddLine("[DONE]");
        await stream.FlushAsync();
    }
}
