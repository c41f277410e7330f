using Hadal.Answering;
using Hadal.Server.Http;
using Hadal.Server.Metrics;
using Hadal.Server.Requests;

namespace Hadal.Server.Responses;

/// <summary><c>POST /v1/responses</c>.</summary>
internal static class ResponsesEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = ResponsesRequest.Read(call.Body, call.Model, call.Options);
        ChatAnswer answer = await request.Paths.TranslatingAsync(() =>
            call.SubmitAsync(request.Chat, formatField: "text.format")
        );
        using RequestRecord record = call.Metrics.Begin(() => answer.Usage);
        if (request.IsStreamed)
            await StreamAsync(call, request, answer);
        else
            await ReplyAsync(call, request, answer);
        record.Complete(answer.Choices.Select(choice => FinishReasons.Of(choice.Finish)!));
    }

    private static async Task ReplyAsync(ApiCall call, ResponsesRequest request, ChatAnswer answer)
    {
        var writer = new ResponseWriter(call.Model, request, answer, new ResponseEvents(null));
        await foreach (AnswerUpdate update in answer.WithCancellation(call.Cancellation))
            writer.Take(update);
        writer.End();
        await call.ReplyAsync(writer.Write);
    }

    private static async Task StreamAsync(ApiCall call, ResponsesRequest request, ChatAnswer answer)
    {
        ResponseWriter? writer = null;
        ServerSentEvents stream = call.Stream((events, error) => writer!.Fail(events, error));
        writer = new ResponseWriter(call.Model, request, answer, new ResponseEvents(stream));
        await call.StreamAsync(
            stream,
            answer,
            update =>
            {
                writer.Begin();
                writer.Take(update);
            },
            () =>
            {
                writer.Begin();
                stream.AddComment("waiting");
            }
        );
        writer.End();
        await stream.FlushAsync();
    }
}
