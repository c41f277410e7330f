using System.Diagnostics;
using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Generation;

/// <summary>
/// Advances several texts of one generator with each step of the model: first those that are being written, a token
/// each, then prompts, in chunks, as far as the step has room. A text is the same as it would be alone. Allocates nothing
/// per step in steady state. A text that can't go on, such as one that was disposed or whose logits are not usable, is let
/// go of, and the others go on. Not thread-safe, but its steps and those of others take turns.
/// </summary>
public sealed class Scheduler
{
    private readonly TokenGenerator _generator;
    private readonly List<TextGeneration> _running = [];
    private readonly List<TextGeneration> _scheduled = [];
    private readonly List<TextGeneration> _advanced = [];
    private readonly List<TextGeneration> _failed = [];

    /// <summary>A scheduler with nothing to do.</summary>
    /// <param name="generator">Whose texts it will advance.</param>
    public Scheduler(TokenGenerator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        _generator = generator;
    }

    /// <summary>The texts that go on.</summary>
    public IReadOnlyList<TextGeneration> Running => _running;

    /// <summary>The texts that made a token in the last step: look at their Token, Text and FinishReason.</summary>
    public IReadOnlyList<TextGeneration> Advanced => _advanced;

    /// <summary>The texts that the last step let go of since they can't go on: <see cref="TextGeneration.Error"/> tells why.</summary>
    public IReadOnlyList<TextGeneration> Failed => _failed;

    /// <summary>Takes a text over until it has ended, has failed or is removed. It stays its maker's to dispose.</summary>
    /// <param name="text">A text that <see cref="TokenGenerator.Start"/> of the generator began.</param>
    /// <exception cref="ArgumentException">It is of another generator, or here already.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed or taken over.</exception>
    public void Add(TextGeneration text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Sequence.Cache != _generator.Cache)
            throw new ArgumentException("must be of the scheduler's generator", nameof(text));
        if (_running.Contains(text))
            throw new ArgumentException("is scheduled already", nameof(text));
        text.Error = null;
        if (text.FinishReason is null)
            _running.Add(text);
    }

    /// <summary>Lets go of a text.</summary>
    /// <param name="text">The text.</param>
    public void Remove(TextGeneration text) => _running.Remove(text);

    /// <summary>Makes one step; <see cref="Advanced"/> and <see cref="Failed"/> tell what became of it.</summary>
    /// <param name="cancellationToken">
    /// Looked at while other steps are waited for, and between layers; a cancelled step changes nothing.
    /// </param>
    /// <returns>False when there was no text to advance.</returns>
    /// <exception cref="CacheFullException">
    /// Not one text has room in the cache. Remove and dispose one; a text that merely has to wait for others is no error.
    /// </exception>
    public bool Step(CancellationToken cancellationToken = default)
    {
        _advanced.Clear();
        _failed.Clear();
        if (_running.Count == 0)
            return false;
        _generator.Gate.Enter(cancellationToken);
        try
        {
            Schedule(_generator.Batch);
            try
            {
                Run(cancellationToken);
            }
            catch (Exception e) when (IsOfOneText(e) && _scheduled.Count > 0)
            {
                RunEachAlone();
            }
        }
        finally
        {
            _generator.Gate.Exit();
        }
        foreach (TextGeneration text in _advanced)
        {
            if (text.FinishReason is not null)
                _running.Remove(text);
        }
        return true;
    }

    private void Schedule(StepBatch batch)
    {
        batch.Clear();
        _scheduled.Clear();
        int freePages = _generator.Cache.FreePages;
        Schedule(batch, isWritten: true, ref freePages);
        Schedule(batch, isWritten: false, ref freePages);
        if (_scheduled.Count == 0 && _running.Count > 0)
        {
            // Lets the step tell what is missing.
            TextGeneration first = _running[0];
            int count = Math.Min(first.Pending.Length, first.Chunk);
            batch.Add(first.Sequence, first.Pending[..count], first.Kind);
        }
    }

    // Those that are being written, or those whose prompt is not through.
    private void Schedule(StepBatch batch, bool isWritten, ref int freePages)
    {
        for (int i = 0; i < _running.Count; i++)
        {
            TextGeneration text = _running[i];
            try
            {
                if (text.Pending.Length == 1 == isWritten)
                    Schedule(batch, text, ref freePages);
            }
            catch (Exception e)
            {
                Fail(text, e);
                i--;
            }
        }
    }

    private void Schedule(StepBatch batch, TextGeneration text, ref int freePages)
    {
        ModelOptions options = _generator.Model.Options;
        int room = Math.Min(options.MaxStepTokens - batch.TokenCount, text.Chunk);
        int count = Math.Min(text.Pending.Length, room);
        bool isLast = count == text.Pending.Length;
        if (
            count < 1
            || batch.SequenceCount == options.MaxSequences
            || (isLast && batch.LogitRowCount == options.MaxLogitRows)
        )
            return;
        int pages = text.Sequence.MissingPages(count);
        if (pages > freePages)
            return;
        freePages -= pages;
        batch.Add(
            text.Sequence,
            text.Pending[..count],
            text.Kind,
            isLast ? LogitRows.Last : LogitRows.None
        );
        text.HasLogits = isLast;
        _scheduled.Add(text);
    }

    private static bool IsOfOneText(Exception e) =>
        e is not (OperationCanceledException or CacheFullException);

    /// <summary>After a step that came to nothing, to tell whose tokens it was: the others' bits are the same alone.</summary>
    private void RunEachAlone()
    {
        StepBatch batch = _generator.Batch;
        foreach (TextGeneration text in _scheduled.ToArray())
        {
            try
            {
                batch.Clear();
                _scheduled.Clear();
                int freePages = _generator.Cache.FreePages;
                Schedule(batch, text, ref freePages);
                Run(CancellationToken.None);
            }
            catch (Exception e) when (IsOfOneText(e))
            {
                Fail(text, e);
            }
        }
    }

    private void Run(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        Logits logits = _generator.Model.Forward(_generator.Batch, cancellationToken);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        int row = 0;
        foreach (TextGeneration text in _scheduled)
        {
            try
            {
                // A prompt that is not through yet has no row.
                if (text.HasLogits)
                {
                    text.Accept(logits[row++]);
                    _advanced.Add(text);
                }
            }
            catch (Exception e)
            {
                Fail(text, e);
            }
            text.AddTime(time);
        }
    }

    private void Fail(TextGeneration text, Exception error)
    {
        text.Error = error;
        _running.Remove(text);
        _failed.Add(text);
    }
}
