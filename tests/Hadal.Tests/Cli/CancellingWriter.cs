namespace Hadal.Tests.Cli;

/// <summary>Cancels as soon as some text was written, as a person does who has seen enough.</summary>
internal sealed class CancellingWriter(CancellationTokenSource cancellation) : StringWriter
{
    public string Text => ToString();

    public override void Write(ReadOnlySpan<char> buffer)
    {
        base.Write(buffer);
        if (!buffer.IsEmpty)
            cancellation.Cancel();
    }
}
