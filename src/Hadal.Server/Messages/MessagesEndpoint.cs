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
            await StreamAsync(call, answer, writer);
        }
        else
        {
            await answer.ReadToEndAsync(call.Cancellation);
            await call.ReplyAsync(writer.WriteWhole);
        }
        record.Complete(answer.Choices.Select(choice => FinishReasons.Of(choice.Finish)!));
    }

    private static async Task StreamAsync(ApiCall call, ChatAnswer answer, MessageWriter writer)
    {
        ServerSentEvents events = call.Stream(MessageErrors.Tell);
        var stream = new MessageStream(events, writer);
        await call.StreamAsync(events, answer, stream.Add, stream.AddPing);
        stream.End();
        await events.FlushAsync();
    }
}
