using Hadal.Chat;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;

namespace Hadal.Answering;

/// <summary>
/// The answer of a <see cref="ChatEngine"/>, and the stream of its updates, which one reader reads once. The engine works on it
/// whether it is read or not.
/// </summary>
public sealed class ChatAnswer : IAsyncEnumerable<AnswerUpdate>
{
    private readonly InferenceRequest _request;
    private readonly AnswerChoice[] _choices;
    private readonly Action<ChatTurn> _keep;

    internal ChatAnswer(
        ReadOnlyMemory<int> prompt,
        InferenceRequest request,
        AnswerChoice[] choices,
        Action<ChatTurn> keep
    )
    {
        Prompt = prompt;
        _request = request;
        _choices = choices;
        _keep = keep;
    }

    /// <summary>The tokens of the prompt, BOS included.</summary>
    public ReadOnlyMemory<int> Prompt { get; }

    /// <summary>The choices, as far as they were read.</summary>
    public IReadOnlyList<AnswerChoice> Choices => _choices;

    /// <summary>What it took. Its generated tokens are those that were read, of a choice none after its end.</summary>
    public GenerationUsage Usage =>
        _request.Usage with
        {
            GeneratedTokens = _choices.Sum(choice => choice.Tokens.Count),
        };

    /// <summary>Generated tokens that are thoughts, of all choices.</summary>
    public int ReasoningTokens => _choices.Sum(choice => choice.ReasoningTokens);

    /// <summary>The seed of the draws: that of the request, or the one taken by chance.</summary>
    public ulong Seed => _request.Seed;

    /// <summary>See <see cref="InferenceRequest.PromptLogProbs"/>.</summary>
    public IReadOnlyList<TokenLogProbs?> PromptLogProbs => _request.PromptLogProbs;

    /// <summary>Ends it with what it has, and <see cref="AnswerFinish.Cancelled"/>, before the next step of the model.</summary>
    public void Cancel() => _request.Cancel();

    /// <summary>
    /// Reads its updates, as they come; the last one of a choice has its <see cref="AnswerUpdate.Finish"/>. Disposal before the end
    /// gives the request up.
    /// </summary>
    /// <param name="cancellationToken">Gives the request up; its pages are free within a step.</param>
    /// <exception cref="InvalidOperationException">It is or was read already.</exception>
    /// <exception cref="StepFailedException">The model failed at it.</exception>
    /// <exception cref="SamplingException">The model's logits are not usable.</exception>
    /// <exception cref="GrammarException">No token of the tokenizer goes on with what the answer must look like.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IAsyncEnumerator<AnswerUpdate> GetAsyncEnumerator(
        CancellationToken cancellationToken = default
    ) => ReadAsync(_request.GetAsyncEnumerator(cancellationToken));

    /// <summary>Reads all updates: then <see cref="Choices"/> are whole. Errors are as for the enumeration.</summary>
    /// <param name="cancellationToken">Gives the request up; its pages are free within a step.</param>
    public async Task ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        await foreach (
            AnswerUpdate _ in this.WithCancellation(cancellationToken).ConfigureAwait(false)
        ) { }
    }

    private async IAsyncEnumerator<AnswerUpdate> ReadAsync(IAsyncEnumerator<GeneratedToken> tokens)
    {
        await using (tokens.ConfigureAwait(false))
        {
            while (await tokens.MoveNextAsync().ConfigureAwait(false))
            {
                GeneratedToken token = tokens.Current;
                AnswerChoice choice = _choices[token.Choice];
                // After a stop string the engine may have gone on by a step.
                if (choice.Finish is not null)
                    continue;
                AnswerUpdate update = choice.Take(token);
                if (update.Finish is not null)
                {
                    if (token.FinishReason is null)
                        _request.Stop(token.Choice);
                    _keep(choice.Turn);
                }
                yield return update;
            }
        }
    }
}
