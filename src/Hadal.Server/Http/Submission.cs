using Hadal.Answering;
using Hadal.Grammars;
using Hadal.Inference;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>Submits what endpoints ask of the engine; what is refused becomes the client's error.</summary>
internal static class Submission
{
    /// <exception cref="ApiException">The prompt is longer than may be, or options contradict each other.</exception>
    /// <exception cref="HadalException">As <see cref="ChatEngine.Submit"/> has it.</exception>
    public static async Task<ChatAnswer> SubmitAsync(this ApiCall call, ChatRequest request)
    {
        try
        {
            ChatAnswer answer = await call.Chat.SubmitAsync(request, call.Cancellation);
            call.Slot.Watch(() => answer.Usage.QueueTime > TimeSpan.Zero);
            if (answer.Usage.PromptTokens > call.Options.MaxPromptTokens)
            {
                answer.Cancel();
                throw TooLong(answer.Usage.PromptTokens, call.Options);
            }
            return answer;
        }
        catch (GrammarException e)
        {
            bool isFormat = request.Conversation.Tools.Count == 0;
            throw new ApiException(StatusCodes.Status400BadRequest, e.Message, e)
            {
                Param = isFormat ? "response_format" : "tools",
            };
        }
        catch (ArgumentException e)
        {
            throw new ApiException(StatusCodes.Status400BadRequest, e.Message, e);
        }
    }

    /// <summary>Submits a prompt of tokens.</summary>
    /// <param name="call">The request.</param>
    /// <param name="submit">Makes the prompt and submits it, on the thread pool.</param>
    /// <exception cref="ApiException">The prompt is longer than may be, or options contradict each other.</exception>
    /// <exception cref="HadalException">As <see cref="InferenceEngine.Submit"/> has it.</exception>
    public static async Task<InferenceRequest> SubmitAsync(
        this ApiCall call,
        Func<InferenceRequest> submit
    )
    {
        try
        {
            InferenceRequest request = await Task.Run(submit, call.Cancellation);
            call.Slot.Watch(() => request.Usage.QueueTime > TimeSpan.Zero);
            if (request.Usage.PromptTokens > call.Options.MaxPromptTokens)
            {
                request.Cancel();
                throw TooLong(request.Usage.PromptTokens, call.Options);
            }
            return request;
        }
        catch (ArgumentException e)
        {
            throw new ApiException(StatusCodes.Status400BadRequest, e.Message, e);
        }
    }

    private static ApiException TooLong(int tokens, HadalOptions options) =>
        new(
            StatusCodes.Status400BadRequest,
            $"The prompt has {tokens} tokens, more than the {options.MaxPromptTokens} that this server takes"
        )
        {
            Code = "context_length_exceeded",
        };
}
