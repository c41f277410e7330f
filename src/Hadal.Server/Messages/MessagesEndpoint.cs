using Hadal.Answering;
using Hadal.Server.Http;
using Hadal.Server.Metrics;
using Hadal.Server.Requests;

namespace Hadal.Server.Messages;

/// <summary><c>POST /v1/messages</c>, Anthropic's API.</summary>
internal static class MessagesEndpoint
{
    public static async Task HandleAsync(ApiCall call)
    {
        var request = MessagesRequest.Read(call.Body, call.Model, call.Options);
        ChatAnswer answer = await call.SubmitAsync(request.Chat);
        using RequestRecord record = call.Metrics.Begin(() => answer.Usage);
        var writer = new MessageWriter(call.Model.Name, answer, request.OmitsThoughts);
        if (request.IsStreamed)
        {
            await StreamAsync(call, answer, new MessageStream(call.Stream(), writer));
        }
        else
        {
            await answer.ReadToEndAsync(call.Cancellation);
            await call.ReplyAsync(writer.WriteWhole);
        }
        record.Complete(answer.Choices.Select(choice => FinishReasons.Of(choice.Finish)!));
    }

    private static async Task StreamAsync(ApiCall call, ChatAnswer answer, MessageStream stream)
    {
        var updates = answer.WithPauses(call.Options.CommentInterval, call.Cancellation);
        await foreach ((bool came, AnswerUpdate update) in updates)
        {
            if (came)
                stream.Add(update);
            else
                stream.AddPing();
            await stream.FlushAsync();
        }
        stream.End();
        await stream.FlushAsync();
    }
}
