using Hadal.Answering;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>Submits what endpoints ask of the engine; what is refused becomes the client's error.</summary>
internal static class Submission
{
    /// <summary>Submits a conversation.</summary>
    /// <param name="call">The request.</param>
    /// <param name="request">What it asks.</param>
    /// <param name="formatField">The field that has the schema of answers.</param>
    /// <exception cref="ApiException">The prompt is longer than may be, or options contradict each other.</exception>
    /// <exception cref="HadalException">As <see cref="ChatEngine.Submit"/> has it.</exception>
    public static async Task<ChatAnswer> SubmitAsync(
        this ApiCall call,
        ChatRequest request,
        string formatField = "response_format"
    )
    {
        call.Widen(request.Generation.Choices);
        try
        {
            ChatAnswer answer = await call.Chat.SubmitAsync(
                request with
                {
                    Generation = call.Tenant.Limit(request.Generation),
                },
                call.Cancellation
            );
            call.Slot.Watch(() => answer.Usage.QueueTime > TimeSpan.Zero);
            call.CheckPrompt(answer.Usage, answer.Cancel);
            return answer;
        }
        catch (GrammarException e)
        {
            bool isFormat = request.Conversation.Tools.Count == 0;
            throw new ApiException(StatusCodes.Status400BadRequest, e.Message, e)
            {
                Param = isFormat ? formatField : "tools",
            };
        }
        catch (ArgumentException e)
        {
            throw new ApiException(StatusCodes.Status400BadRequest, e.Message, e);
        }
    }

    /// <summary>The tokens of the prompt that <see cref="SubmitAsync(ApiCall, ChatRequest, string)"/> makes.</summary>
    /// <param name="call">The request.</param>
    /// <param name="request">What it asks.</param>
    /// <exception cref="HadalException">As <see cref="ChatEngine.Submit"/> has it.</exception>
    public static Task<int> CountTokensAsync(this ApiCall call, ChatRequest request) =>
        Task.Run(
            () =>
                call
                    .Chat.Encode(
                        request with
                        {
                            Generation = call.Tenant.Limit(request.Generation),
                        },
                        call.Cancellation
                    )
                    .Ids.Length,
            call.Cancellation
        );

    /// <summary>Submits prompts of tokens; where one is refused, none is left.</summary>
    /// <param name="call">The request.</param>
    /// <param name="count">How many prompts.</param>
    /// <param name="generation">How to go on, as it is asked.</param>
    /// <param name="submit">
    /// Makes the prompt of an index and submits it, on the thread pool; gets what the tenant may have of how to go on.
    /// </param>
    /// <exception cref="ApiException">A prompt is longer than may be, or options contradict each other.</exception>
    /// <exception cref="HadalException">As <see cref="InferenceEngine.Submit"/> has it.</exception>
    public static async Task<IReadOnlyList<InferenceRequest>> SubmitAsync(
        this ApiCall call,
        int count,
        GenerationOptions generation,
        Func<int, GenerationOptions, InferenceRequest> submit
    )
    {
        List<InferenceRequest> requests = [];
        call.Widen(count * generation.Choices);
        try
        {
            GenerationOptions limited = call.Tenant.Limit(generation);
            await Task.Run(
                () =>
                {
                    for (int i = 0; i < count; i++)
                    {
                        InferenceRequest request = submit(i, limited);
                        requests.Add(request);
                        call.CheckPrompt(request.Usage, request.Cancel);
                    }
                },
                call.Cancellation
            );
            call.Slot.Watch(() =>
                requests.Exists(request => request.Usage.QueueTime > TimeSpan.Zero)
            );
            return requests;
        }
        catch (Exception e)
        {
            foreach (InferenceRequest request in requests)
                request.Cancel();
            if (e is ArgumentException)
                throw new ApiException(StatusCodes.Status400BadRequest, e.Message, e);
            throw;
        }
    }

    private static void CheckPrompt(this ApiCall call, GenerationUsage usage, Action cancel)
    {
        int most = Math.Min(
            call.Options.MaxPromptTokens ?? int.MaxValue,
            call.Tenant.MaxPromptTokens
        );
        if (usage.PromptTokens <= most)
            return;
        cancel();
        throw new ApiException(
            StatusCodes.Status400BadRequest,
            $"The prompt has {usage.PromptTokens} tokens, more than the {most} that this server takes"
        )
        {
            Code = ApiException.ContextLength,
        };
    }
}
