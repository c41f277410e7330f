using Hadal.Answering;
using Hadal.Generation;

namespace Hadal.Server.Requests;

/// <summary>Why an answer ended, in the words that official clients know. They throw at any other word.</summary>
internal static class FinishReasons
{
    public static string? Of(AnswerFinish? finish) =>
        finish switch
        {
            null => null,
            AnswerFinish.Stop => "stop",
            AnswerFinish.ToolCalls => "tool_calls",
            // A limit of tokens, or one of time.
            _ => "length",
        };

    public static string? Of(FinishReason? finish) =>
        finish switch
        {
            null => null,
            FinishReason.Stop => "stop",
            _ => "length",
        };
}
