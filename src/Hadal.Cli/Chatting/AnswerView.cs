using Hadal.Answering;
using Hadal.Chat;

namespace Hadal.Cli.Chatting;

/// <summary>
/// Shows answers while they are made: the content on the output, so that a script gets nothing else, and thoughts and calls on
/// the error stream.
/// </summary>
/// <param name="terminal">Where to.</param>
internal sealed class AnswerView(Terminal terminal)
{
    /// <summary>What was shown last and has no line end yet.</summary>
    private ChatDeltaKind? _open;

    /// <summary>Shows an answer to its end; when cancelled, ends the line first.</summary>
    public async Task ShowAsync(ChatAnswer answer, CancellationToken cancellationToken)
    {
        bool isEmpty = true;
        try
        {
            await foreach (
                AnswerUpdate update in answer
                    .WithCancellation(cancellationToken)
                    .ConfigureAwait(false)
            )
            {
                foreach (ChatDelta delta in update.Deltas)
                {
                    Show(delta);
                    isEmpty &= delta.Kind == ChatDeltaKind.Reasoning;
                }
            }
        }
        finally
        {
            Close();
            // Each answer that calls nothing ends with a line feed.
            if (isEmpty)
                terminal.Output.WriteLine();
        }
    }

    private void Show(in ChatDelta delta)
    {
        switch (delta.Kind)
        {
            case ChatDeltaKind.Reasoning:
                Open(delta.Kind, terminal.ShowsProgress ? "\e[2m" : "<think>");
                WriteAside(delta.Text);
                break;
            case ChatDeltaKind.Content:
                Open(delta.Kind, "");
                terminal.WriteText(delta.Text);
                terminal.Output.Flush();
                break;
            case ChatDeltaKind.CallBegin:
                Close();
                Open(ChatDeltaKind.CallArguments, "call ");
                WriteAside($"{delta.Text} ");
                break;
            case ChatDeltaKind.CallArguments:
                WriteAside(delta.Text);
                break;
            case ChatDeltaKind.CallEnd:
                Close();
                break;
        }
    }

    private void Open(ChatDeltaKind kind, string begin)
    {
        if (_open == kind)
            return;
        Close();
        _open = kind;
        terminal.Error.Write(begin);
    }

    private void Close()
    {
        switch (_open)
        {
            case ChatDeltaKind.Reasoning:
                terminal.Error.WriteLine(terminal.ShowsProgress ? "\e[0m" : "</think>");
                break;
            case ChatDeltaKind.Content:
                terminal.Output.WriteLine();
                break;
            case ChatDeltaKind.CallArguments:
                terminal.Error.WriteLine();
                break;
        }
        _open = null;
    }

    private void WriteAside(string text) =>
        terminal.Error.Write(terminal.IsWatched ? Printable.Text(text) : text);
}
