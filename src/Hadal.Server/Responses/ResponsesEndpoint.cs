using Hadal.Answering;
using Hadal.Chat;
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
        ChatAnswer answer = await SubmitAsync(call, request);
        using RequestRecord record = call.Metrics.Begin(() => answer.Usage);
        ServerSentEvents? stream = request.IsStreamed ? call.Stream() : null;
        var writer = new ResponseWriter(call.Model, request, answer, new ResponseEvents(stream));
        if (stream is not null)
        {
            await StreamAsync(call, answer, writer, stream);
        }
        else
        {
            await foreach (AnswerUpdate update in answer.WithCancellation(call.Cancellation))
                writer.Take(update);
            writer.End();
            await call.ReplyAsync(writer.Write);
        }
        record.Complete(answer.Choices.Select(choice => FinishReasons.Of(choice.Finish)!));
    }

    private static async Task<ChatAnswer> SubmitAsync(ApiCall call, ResponsesRequest request)
    {
        try
        {
            return await call.SubmitAsync(request.Chat, formatField: "text.format");
        }
        catch (ConversationException e)
        {
            throw request.Paths.Translate(e);
        }
    }

    private static async Task StreamAsync(
        ApiCall call,
        ChatAnswer answer,
        ResponseWriter writer,
        ServerSentEvents stream
    )
    {
        call.TellsFailureBy(writer.Fail);
        var updates = answer.WithPauses(call.Options.CommentInterval, call.Cancellation);
        await foreach ((bool came, AnswerUpdate update) in updates)
        {
            writer.Begin();
            if (!came)
            {
                await stream.CommentAsync("waiting");
                continue;
            }
            writer.Take(update);
            await stream.FlushAsync();
        }
        writer.End();
        await stream.FlushAsync();
    }
}
