using System.Globalization;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Inference;
using Hadal.Model;

namespace Hadal.Cli.Chatting;

/// <summary>A conversation: its turns, and how they are answered.</summary>
/// <param name="chat">Answers.</param>
/// <param name="terminal">Where answers are shown.</param>
/// <param name="results">Gets the results of calls.</param>
/// <param name="maxRounds">The most times in a turn that the model gets results of calls.</param>
/// <param name="system">What the model is told before the conversation; null for nothing.</param>
internal sealed class ChatSession(
    ChatEngine chat,
    Terminal terminal,
    ToolResults results,
    int maxRounds,
    string? system
)
{
    private const string Limits = "it reached --max-tokens or the end of the context";

    private readonly AnswerView _view = new(terminal);
    private readonly List<ChatTurn> _turns = system is null ? [] : [ChatTurn.System(system)];

    /// <summary>How the next turns are answered: checked.</summary>
    public required ChatSettings Settings { get; set; }

    /// <summary>The chat format.</summary>
    public ChatTemplate Template => chat.Template;

    /// <summary>Forgets the conversation.</summary>
    public void Clear() => _turns.RemoveAll(turn => turn.Role != ChatTurn.SystemRole);

    /// <summary>Has the model answer, and go on after the results of its calls. A turn that fails is forgotten.</summary>
    /// <param name="text">What the user says.</param>
    /// <param name="cancellationToken">Gives the turn up.</param>
    /// <exception cref="HadalException">The turn failed.</exception>
    /// <exception cref="UsageException">A result can't be had.</exception>
    public async Task RespondAsync(string text, CancellationToken cancellationToken)
    {
        int start = _turns.Count;
        _turns.Add(ChatTurn.User(text));
        try
        {
            await AnswerAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (HadalException e)
        {
            _turns.RemoveRange(start, _turns.Count - start);
            if (e is ContextLengthException or CacheTooSmallException)
                throw new HadalException($"{e.Message}; /clear forgets the conversation", e);
            throw;
        }
    }

    private async Task AnswerAsync(CancellationToken cancellationToken)
    {
        ToolChoice choice = Settings.ToolChoice;
        for (int round = 0; ; round++)
        {
            ChatAnswer answer = await chat.SubmitAsync(
                    Settings.Request([.. _turns], choice),
                    cancellationToken
                )
                .ConfigureAwait(false);
            await _view.ShowAsync(answer, cancellationToken).ConfigureAwait(false);
            await terminal
                .Error.WriteLineAsync(
                    TextStream.Describe(answer.Usage, answer.Seed, chat.Engine.Model)
                )
                .ConfigureAwait(false);
            AnswerChoice made = answer.Choices[0];
            bool isCut = made.Finish == AnswerFinish.Length;
            if (made.ToolCalls.Count == 0)
            {
                _turns.Add(made.Turn);
                if (isCut)
                    await terminal
                        .Error.WriteLineAsync($"the answer was cut: {Limits}")
                        .ConfigureAwait(false);
                return;
            }
            if (isCut)
                throw new HadalException($"the answer was cut in its calls: {Limits}");
            if (round == maxRounds)
                throw new HadalException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"the model calls tools again after {round} rounds of them; --max-rounds allows more"
                    )
                );
            _turns.Add(made.Turn);
            foreach (ToolCall call in made.ToolCalls)
                _turns.Add(
                    ChatTurn.Tool(
                        call.Id,
                        await results
                            .OfAsync(call, Settings.Tools, cancellationToken)
                            .ConfigureAwait(false)
                    )
                );
            if (choice.IsRequired)
                choice = ToolChoice.Auto;
        }
    }
}
