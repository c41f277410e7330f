using System.Diagnostics;
using CommunityToolkit.HighPerformance;
using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Generation;

/// <summary>
/// Advances several texts of one generator with each step of the model: first those that are being written, a token
/// each, then prompts, in chunks, as far as the step has room. A text is the same as it would be alone. Allocates nothing
/// per step in steady state. Not thread-safe.
/// </summary>
public sealed class Scheduler
{
    private readonly TokenGenerator _generator;
    private readonly List<TextGeneration> _running = [];
    private readonly List<TextGeneration> _scheduled = [];
    private readonly List<TextGeneration> _advanced = [];

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

    /// <summary>Takes a text over until it has ended or is removed. It stays its maker's to dispose.</summary>
    /// <param name="text">A text that <see cref="TokenGenerator.Start"/> of the generator began.</param>
    /// <exception cref="ArgumentException">It is of another generator, or here already.</exception>
    public void Add(TextGeneration text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Sequence.Cache != _generator.Cache)
            throw new ArgumentException("must be of the scheduler's generator", nameof(text));
        if (_running.Contains(text))
            throw new ArgumentException("is scheduled already", nameof(text));
        if (text.FinishReason is null)
            _running.Add(text);
    }

    /// <summary>Lets go of a text.</summary>
    /// <param name="text">The text.</param>
    public void Remove(TextGeneration text) => _running.Remove(text);

    /// <summary>Makes one step.</summary>
    /// <param name="cancellationToken">Looked at between layers; a cancelled step changes nothing.</param>
    /// <returns>False when no text was left to advance.</returns>
    /// <exception cref="CacheFullException">
    /// Not one text has room in the cache. Remove and dispose one; a text that merely has to wait for others is no error.
    /// </exception>
    public bool Step(CancellationToken cancellationToken = default)
    {
        _advanced.Clear();
        if (_running.Count == 0)
            return false;
        lock (_generator.Model.Gate)
        {
            long start = Stopwatch.GetTimestamp();
            StepBatch batch = _generator.Batch;
            Schedule(batch);
            ReadOnlySpan2D<float> logits = _generator.Model.Forward(batch, cancellationToken);
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            int row = 0;
            foreach (TextGeneration text in _scheduled)
            {
                // A prompt that is not through yet has no row.
                if (text.HasLogits)
                {
                    text.Accept(logits.GetRowSpan(row++));
                    _advanced.Add(text);
                }
                text.AddTime(time);
            }
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
        foreach (TextGeneration text in _running)
        {
            if (text.Pending.Length == 1)
                Schedule(batch, text, ref freePages);
        }
        foreach (TextGeneration text in _running)
        {
            if (text.Pending.Length > 1)
                Schedule(batch, text, ref freePages);
        }
        if (_scheduled.Count == 0)
        {
            // Lets the step tell what is missing.
            TextGeneration first = _running[0];
            batch.Add(first.Sequence, first.Pending[..Math.Min(first.Pending.Length, first.Chunk)]);
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
        batch.Add(text.Sequence, text.Pending[..count], isLast ? LogitRows.Last : LogitRows.None);
        text.HasLogits = isLast;
        _scheduled.Add(text);
    }
}
