using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hadal.Caching;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// The tokens of one step: any number of sequences of one cache, each with the tokens that come next; and all that the step
/// works with on the device, its logits included. Made by <see cref="DeepSeekModel.CreateBatch"/> and reused step by step,
/// cleared after each; allocates nothing. Not thread-safe, but batches of one model may be run by as many threads at once.
/// </summary>
public sealed unsafe class StepBatch : IDisposable
{
    private readonly StepLayout _layout;
    private readonly CachedSequence[] _sequences;
    private readonly RowKind[] _kinds;
    private readonly int[] _counts;

    // Of each sequence as it was when its tokens were added.
    private readonly int[] _lengths;
    private readonly int[] _revisions;

    // Pinned: the device is told by its address.
    private readonly int[] _block;
    private readonly int* _host;
    private readonly UseCount _use;
    private bool _isDisposed;
    private int _isRunning;
    private bool _wasRun;
    private long _keySlotCount;

    internal StepBatch(DeepSeekModel model, PagedCache cache, StepLayout layout, Step step)
    {
        Model = model;
        Cache = cache;
        Step = step;
        _layout = layout;
        _sequences = new CachedSequence[layout.Sequences];
        _kinds = new RowKind[layout.Sequences];
        _counts = new int[layout.Sequences];
        _lengths = new int[layout.Sequences];
        _revisions = new int[layout.Sequences];
        _block = GC.AllocateArray<int>((int)layout.Length, pinned: true);
        _host = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_block));
        Recorded = new RecordedSteps(cache);
        _use = new UseCount(() =>
        {
            Recorded.Dispose();
            step.Dispose();
        });
    }

    /// <summary>The model that runs it.</summary>
    public DeepSeekModel Model { get; }

    /// <summary>The cache of its sequences.</summary>
    public PagedCache Cache { get; }

    /// <summary>Tokens added.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Sequences added.</summary>
    public int SequenceCount { get; private set; }

    /// <summary>Rows of logits asked for.</summary>
    public int LogitRowCount { get; private set; }

    /// <summary>Memory that its steps work with on the device, in bytes.</summary>
    public long MemoryBytes => Step.MemoryBytes;

    /// <summary>Receives what the layers do with the last token of each step; null, which costs nothing, by default.</summary>
    public ModelTrace? Trace
    {
        get => Step.Trace;
        set => Step.Trace = value;
    }

    /// <summary>Is told how long each operation of a step takes; null, which costs nothing, by default.</summary>
    internal OpClock? Clock
    {
        get => Step.Kernels.Clock;
        set => Step.Kernels.Clock = value;
    }

    internal Step Step { get; }

    /// <summary>Its decode steps that were recorded.</summary>
    internal RecordedSteps Recorded { get; }

    /// <summary>Whether the predictor can draft from it: it was run, and neither cleared nor drafted from since.</summary>
    internal bool IsDraftable { get; set; }

    /// <summary>Whether it is a step that comes again and again: the one token generated last of each sequence.</summary>
    internal bool IsDecode =>
        TokenCount == SequenceCount
        && LogitRowCount == TokenCount
        && !_kinds.AsSpan(0, SequenceCount).ContainsAnyExcept(RowKind.Decode);

    /// <summary>Columns of the block table of this step: a power of two or the most, so that few widths come up.</summary>
    internal int TablePages { get; private set; }

    private long KeySlots => _layout.Table + (long)SequenceCount * TablePages;

    /// <summary>Adds the next tokens of a sequence.</summary>
    /// <param name="sequence">The sequence; once a step.</param>
    /// <param name="tokens">Its next tokens, at least one; with <see cref="RowKind.Decode"/> one.</param>
    /// <param name="kind">What they are.</param>
    /// <param name="logits">Which of them get logits.</param>
    /// <exception cref="ArgumentException">
    /// The tokens, rows or sequences are more than the model's options allow in a step, a token is not in the vocabulary,
    /// the sequence becomes longer than the context, is of another cache, or in the batch already.
    /// </exception>
    /// <exception cref="InvalidOperationException">The batch was run, and not cleared since.</exception>
    public void Add(
        CachedSequence sequence,
        ReadOnlySpan<int> tokens,
        RowKind kind,
        LogitRows logits = LogitRows.Last
    )
    {
        ArgumentNullException.ThrowIfNull(sequence);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ThrowIfRun();
        sequence.ThrowIfDisposed();
        int rows = logits switch
        {
            LogitRows.None => 0,
            LogitRows.Last => 1,
            _ => tokens.Length,
        };
        Check(sequence, tokens, kind, rows);

        for (int i = 0; i < tokens.Length; i++)
        {
            int at = TokenCount + i;
            _host[at] = tokens[i];
            (_host + _layout.Positions)[at] = sequence.Length + i;
            (_host + _layout.RowSequences)[at] = SequenceCount;
            (_host + _layout.Visible)[at] = sequence.Length + i + 1;
        }
        TokenCount += tokens.Length;
        for (int i = 0; i < rows; i++)
            (_host + _layout.LogitRows)[LogitRowCount + i] = TokenCount - rows + i;
        LogitRowCount += rows;
        _sequences[SequenceCount] = sequence;
        _kinds[SequenceCount] = kind;
        _lengths[SequenceCount] = sequence.Length;
        _revisions[SequenceCount] = sequence.Revision;
        _counts[SequenceCount++] = tokens.Length;
    }

    /// <summary>Empties the batch.</summary>
    public void Clear()
    {
        Array.Clear(_sequences, 0, SequenceCount);
        TokenCount = 0;
        SequenceCount = 0;
        LogitRowCount = 0;
        _wasRun = false;
        IsDraftable = false;
        Step.Selections.Clear();
    }

    /// <summary>Records what indexers choose for the last tokens of the sequence added last.</summary>
    internal void RecordSelections(int tokens)
    {
        for (int row = TokenCount - tokens; row < TokenCount; row++)
            Step.Selections.Add(row, _sequences[SequenceCount - 1], (_host + _layout.Visible)[row]);
    }

    /// <summary>What indexers chose for the token of a row of logits of the step just made; null where it was not recorded.</summary>
    internal TokenSelection? SelectionOf(int logitRow) =>
        Step.Selections.Of((_host + _layout.LogitRows)[logitRow]);

    /// <summary>Gives its memory back, at the end of the step where one is under way.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _use.Dispose();
    }

    /// <summary>Takes the batch for a step or a draft, until <see cref="Exit"/>.</summary>
    /// <exception cref="InvalidOperationException">Another thread has it.</exception>
    internal void Enter()
    {
        _use.Enter(this);
        if (Interlocked.Exchange(ref _isRunning, 1) == 0)
            return;
        _use.Exit();
        throw new InvalidOperationException(
            $"The batch is being run by another thread; give each thread a batch of its own, see {nameof(DeepSeekModel.CreateBatch)}"
        );
    }

    internal void Exit()
    {
        Volatile.Write(ref _isRunning, 0);
        _use.Exit();
    }

    /// <summary>
    /// Takes the pages that the tokens need, all or none, and tells where each token goes. Then the sequences are the
    /// step's until <see cref="EndStep"/>.
    /// </summary>
    /// <exception cref="CacheFullException">There are not enough.</exception>
    /// <exception cref="InvalidOperationException">The batch was run already, or a sequence was changed since.</exception>
    internal void BeginStep()
    {
        ThrowIfRun();
        lock (Cache.Changes)
        {
            ThrowIfChanged();
            int missing = 0;
            for (int i = 0; i < SequenceCount; i++)
                missing += _sequences[i].MissingPages(_counts[i]);
            int available = Cache.AvailablePages;
            if (missing > available)
                throw new CacheFullException(missing, available, Cache.PageCount, TokenCount);
            // First, as copies may fail.
            for (int i = 0; i < SequenceCount; i++)
                _sequences[i].OwnNextPage();
            Cache.BeginStep();
            for (int i = 0; i < SequenceCount; i++)
                _sequences[i].BeginStep(_counts[i]);
        }

        int mostPages = 1;
        foreach (CachedSequence sequence in _sequences.AsSpan(0, SequenceCount))
            mostPages = Math.Max(mostPages, sequence.Pages.Length);
        TablePages = Math.Min(
            (int)BitOperations.RoundUpToPowerOf2((uint)mostPages),
            _layout.SequencePages
        );
        int* slots = _host + _layout.Slots;
        int* table = _host + _layout.Table;
        for (int i = 0; i < SequenceCount; i++, table += TablePages)
        {
            CachedSequence sequence = _sequences[i];
            var row = new Span<int>(table, TablePages);
            sequence.Pages.CopyTo(row);
            row[sequence.Pages.Length..].Clear();
            for (int j = 0; j < _counts[i]; j++)
                *slots++ = sequence.SlotOf(_lengths[i] + j);
        }
        int* keySlots = _host + KeySlots;
        int* next = keySlots;
        for (int i = 0; i < SequenceCount; i++)
        {
            int expanded = ExpandedCount(i);
            for (int position = 0; expanded > 0 && position < _lengths[i] + expanded; position++)
                *next++ = _sequences[i].SlotOf(position);
        }
        _keySlotCount = next - keySlots;
    }

    /// <summary>Tells the device the step: its tokens, and which rows take which form of attention.</summary>
    internal void Place()
    {
        Step step = Step;
        step.Kernels.CopyToDevice(step.Inputs, _host, (KeySlots + _keySlotCount) * sizeof(int));
        step.Place(Cache.Layers, TokenCount, SequenceCount, TablePages);
        step.LastSequence = _sequences[SequenceCount - 1];
        int* keySlots = step.Inputs + KeySlots;
        int row = 0;
        int absorbed = 0; // Rows before this one that are in no run yet.
        for (int i = 0; i < SequenceCount; i++)
        {
            int expanded = ExpandedCount(i);
            if (expanded > 0)
            {
                if (absorbed > 0)
                    step.AddRun(new RowRun(row - absorbed, absorbed, 0, null));
                absorbed = 0;
                int keys = _lengths[i] + expanded;
                step.AddRun(new RowRun(row, expanded, keys, keySlots));
                keySlots += keys;
            }
            absorbed += _counts[i] - expanded;
            row += _counts[i];
        }
        if (absorbed > 0)
            step.AddRun(new RowRun(row - absorbed, absorbed, 0, null));
    }

    /// <summary>Lets go of the sequences: the tokens are in the cache, or the step came to nothing and its pages go back.</summary>
    internal void EndStep(bool isDone)
    {
        lock (Cache.Changes)
        {
            for (int i = 0; i < SequenceCount; i++)
            {
                _sequences[i].EndStep(isDone ? _counts[i] : 0);
                _revisions[i] = _sequences[i].Revision;
            }
            Cache.EndStep();
        }
        _wasRun = isDone;
    }

    /// <summary>Refuses what the tokens don't follow any more, or after a step what it didn't leave so.</summary>
    internal void ThrowIfChanged()
    {
        for (int i = 0; i < SequenceCount; i++)
        {
            _sequences[i].ThrowIfDisposed();
            if (_sequences[i].Revision != _revisions[i])
                throw new InvalidOperationException(
                    $"Sequence {i} of the batch was truncated, or went on in another step, after its tokens were added; "
                        + "clear the batch, and add what comes next"
                );
        }
    }

    internal void CheckTokens(ReadOnlySpan<int> tokens, string name)
    {
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)Model.Config.VocabSize)
                throw new ArgumentOutOfRangeException(
                    name,
                    token,
                    $"a token id must be from 0 to {Model.Config.VocabSize - 1}"
                );
        }
    }

    // New tokens of a sequence that take the expanded form.
    private int ExpandedCount(int sequence) =>
        _kinds[sequence] == RowKind.Prefill
            ? Math.Clamp(_layout.ExpandedTokens - _lengths[sequence], 0, _counts[sequence])
            : 0;

    private void ThrowIfRun()
    {
        if (_wasRun)
            throw new InvalidOperationException(
                "The batch was run already; clear it, and add the tokens that come next"
            );
    }

    private void Check(CachedSequence sequence, ReadOnlySpan<int> tokens, RowKind kind, int rows)
    {
        if (tokens.IsEmpty)
            throw new ArgumentException("must have a token", nameof(tokens));
        if (kind == RowKind.Decode && tokens.Length > 1)
            throw new ArgumentException(
                $"{tokens.Length} tokens are more than the one that {nameof(RowKind)}.{nameof(RowKind.Decode)} is; drafts come as {nameof(RowKind.Verify)}",
                nameof(tokens)
            );
        if (sequence.Cache != Cache)
            throw new ArgumentException("must be of the batch's cache", nameof(sequence));
        if (SequenceCount == _layout.Sequences)
            throw new ArgumentException(
                $"a step takes {_layout.Sequences} sequences; see {nameof(ModelOptions.MaxSequences)}",
                nameof(sequence)
            );
        long length = (long)sequence.Length + tokens.Length;
        if (length > sequence.Cache.MaxSequenceTokens)
            throw new ContextLengthException(length, sequence.Cache.MaxSequenceTokens);
        if (tokens.Length > _layout.Tokens - TokenCount)
            throw new ArgumentException(
                $"{TokenCount + (long)tokens.Length} tokens are more than the {_layout.Tokens} of a step; "
                    + $"give a prompt in chunks, or raise {nameof(ModelOptions.MaxStepTokens)}",
                nameof(tokens)
            );
        if (LogitRowCount + rows > _layout.LogitRowCount)
            throw new ArgumentException(
                $"{LogitRowCount + rows} rows of logits are more than the {_layout.LogitRowCount} of a step; "
                    + $"see {nameof(ModelOptions.MaxLogitRows)}",
                nameof(tokens)
            );
        if (_sequences.AsSpan(0, SequenceCount).Contains(sequence))
            throw new ArgumentException("is in the step already", nameof(sequence));
        CheckTokens(tokens, nameof(tokens));
    }
}
