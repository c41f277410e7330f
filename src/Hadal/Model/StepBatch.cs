using System.Numerics;
using System.Runtime.InteropServices;
using Hadal.Caching;

namespace Hadal.Model;

/// <summary>
/// The tokens of one step: any number of sequences of one cache, each with the tokens that come next. Made by
/// <see cref="DeepSeekModel.CreateBatch"/> and reused step by step, cleared after each; allocates nothing. Not thread-safe.
/// </summary>
public sealed unsafe class StepBatch : IDisposable
{
    private readonly int _maxSequencePages;
    private readonly int _expandedTokens;
    private readonly CachedSequence[] _sequences;
    private readonly int[] _counts;

    // Of each sequence as it was when its tokens were added.
    private readonly int[] _lengths;
    private readonly int[] _revisions;
    private bool _wasRun;
    private int* _host;
    private long _keySlotCount;

    // The block is [ids, positions, slots, row sequences, visible: max tokens each][logit rows][block table], and with the expanded form
    // [slots of all tokens up to the last that takes it, of each sequence that has such].
    internal StepBatch(
        ModelOptions options,
        int vocabularySize,
        int maxContextTokens,
        int expandedTokens
    )
    {
        Options = options;
        VocabularySize = vocabularySize;
        _maxSequencePages = PagedCache.PagesFor(maxContextTokens);
        _expandedTokens = expandedTokens;
        _sequences = new CachedSequence[options.MaxSequences];
        _counts = new int[options.MaxSequences];
        _lengths = new int[options.MaxSequences];
        _revisions = new int[options.MaxSequences];
        _host = (int*)
            NativeMemory.AllocZeroed(
                (nuint)Length(options, maxContextTokens, expandedTokens),
                sizeof(int)
            );
    }

    /// <summary>Tokens added.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Sequences added.</summary>
    public int SequenceCount { get; private set; }

    /// <summary>Rows of logits asked for.</summary>
    public int LogitRowCount { get; private set; }

    internal ModelOptions Options { get; }

    internal int VocabularySize { get; }

    /// <summary>Grows with every change.</summary>
    internal int Revision { get; private set; }

    /// <summary>Columns of the block table of this step: a power of two or the most, so that few widths come up.</summary>
    internal int TablePages { get; private set; }

    internal int* Host => _host;

    internal static long Length(ModelOptions options, int maxContextTokens, int expandedTokens) =>
        TableOffset(options)
        + options.MaxSequences * ((long)PagedCache.PagesFor(maxContextTokens) + expandedTokens);

    /// <summary>Runs of a step, at most: one of each form a sequence, and what is absorbed before the first.</summary>
    internal static int MostRuns(ModelOptions options) => 2 * options.MaxSequences + 1;

    internal static long PositionsOffset(ModelOptions options) => options.MaxStepTokens;

    internal static long SlotsOffset(ModelOptions options) => 2L * options.MaxStepTokens;

    internal static long RowSequenceOffset(ModelOptions options) => 3L * options.MaxStepTokens;

    internal static long VisibleOffset(ModelOptions options) => 4L * options.MaxStepTokens;

    internal static long LogitRowsOffset(ModelOptions options) => 5L * options.MaxStepTokens;

    internal static long TableOffset(ModelOptions options) =>
        LogitRowsOffset(options) + options.MaxLogitRows;

    /// <summary>Ints of the block that are in use.</summary>
    internal long UsedLength => KeySlotsOffset + _keySlotCount;

    private long KeySlotsOffset => TableOffset(Options) + (long)SequenceCount * TablePages;

    /// <summary>Adds the next tokens of a sequence.</summary>
    /// <param name="sequence">The sequence; once a step.</param>
    /// <param name="tokens">Its next tokens, at least one.</param>
    /// <param name="logits">Which of them get logits.</param>
    /// <exception cref="ArgumentException">
    /// The tokens, rows or sequences are more than the model's options allow in a step, a token is not in the vocabulary,
    /// or the sequence becomes longer than the context.
    /// </exception>
    /// <exception cref="InvalidOperationException">The batch was run, and not cleared since.</exception>
    public void Add(
        CachedSequence sequence,
        ReadOnlySpan<int> tokens,
        LogitRows logits = LogitRows.Last
    )
    {
        ArgumentNullException.ThrowIfNull(sequence);
        ObjectDisposedException.ThrowIf(_host is null, this);
        ThrowIfRun();
        sequence.ThrowIfDisposed();
        int rows = logits switch
        {
            LogitRows.None => 0,
            LogitRows.Last => 1,
            _ => tokens.Length,
        };
        Check(sequence, tokens, rows);
        Revision++;

        for (int i = 0; i < tokens.Length; i++)
        {
            int at = TokenCount + i;
            _host[at] = tokens[i];
            (_host + PositionsOffset(Options))[at] = sequence.Length + i;
            (_host + RowSequenceOffset(Options))[at] = SequenceCount;
            (_host + VisibleOffset(Options))[at] = sequence.Length + i + 1;
        }
        TokenCount += tokens.Length;
        for (int i = 0; i < rows; i++)
            (_host + LogitRowsOffset(Options))[LogitRowCount + i] = TokenCount - rows + i;
        LogitRowCount += rows;
        _sequences[SequenceCount] = sequence;
        _lengths[SequenceCount] = sequence.Length;
        _revisions[SequenceCount] = sequence.Revision;
        _counts[SequenceCount++] = tokens.Length;
    }

    /// <summary>Empties the batch.</summary>
    public void Clear()
    {
        Array.Clear(_sequences, 0, SequenceCount);
        Revision++;
        TokenCount = 0;
        SequenceCount = 0;
        LogitRowCount = 0;
        _wasRun = false;
    }

    /// <summary>Gives its memory back.</summary>
    public void Dispose()
    {
        NativeMemory.Free(_host);
        _host = null;
    }

    /// <summary>The cache of its sequences; null while it is empty.</summary>
    internal PagedCache? Cache => SequenceCount == 0 ? null : _sequences[0].Cache;

    internal CachedSequence LastSequence => _sequences[SequenceCount - 1];

    /// <summary>
    /// Takes the pages that the tokens need, all or none, and tells where each token goes. Then the sequences are the
    /// step's until <see cref="EndStep"/>.
    /// </summary>
    /// <exception cref="CacheFullException">There are not enough.</exception>
    /// <exception cref="InvalidOperationException">The batch was run already, or a sequence was changed since.</exception>
    internal void BeginStep(PagedCache cache)
    {
        ObjectDisposedException.ThrowIf(_host is null, this);
        ThrowIfRun();
        lock (cache.Changes)
        {
            ThrowIfChanged();
            int missing = 0;
            for (int i = 0; i < SequenceCount; i++)
                missing += _sequences[i].MissingPages(_counts[i]);
            if (missing > cache.FreePages)
                throw new CacheFullException(missing, cache.FreePages, cache.PageCount, TokenCount);
            cache.BeginStep();
            for (int i = 0; i < SequenceCount; i++)
                _sequences[i].BeginStep(_counts[i]);
        }

        TablePages = 1;
        foreach (CachedSequence sequence in _sequences.AsSpan(0, SequenceCount))
            TablePages = Math.Max(TablePages, sequence.Pages.Length);
        TablePages = Math.Min(
            (int)BitOperations.RoundUpToPowerOf2((uint)TablePages),
            _maxSequencePages
        );
        int* slots = _host + SlotsOffset(Options);
        int* table = _host + TableOffset(Options);
        for (int i = 0; i < SequenceCount; i++, table += TablePages)
        {
            CachedSequence sequence = _sequences[i];
            var row = new Span<int>(table, TablePages);
            sequence.Pages.CopyTo(row);
            row[sequence.Pages.Length..].Clear();
            for (int j = 0; j < _counts[i]; j++)
                *slots++ = sequence.SlotOf(_lengths[i] + j);
        }
        int* keySlots = _host + KeySlotsOffset;
        int* next = keySlots;
        for (int i = 0; i < SequenceCount; i++)
        {
            int expanded = ExpandedCount(i);
            for (int position = 0; expanded > 0 && position < _lengths[i] + expanded; position++)
                *next++ = _sequences[i].SlotOf(position);
        }
        _keySlotCount = next - keySlots;
    }

    /// <summary>Tells the step which rows take which form of attention.</summary>
    /// <param name="step">The step.</param>
    /// <param name="device">Where the host's block is on the device.</param>
    internal void AddRuns(Step step, int* device)
    {
        step.ClearRuns();
        int* keySlots = device + KeySlotsOffset;
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
    internal void EndStep(PagedCache cache, bool isDone)
    {
        lock (cache.Changes)
        {
            for (int i = 0; i < SequenceCount; i++)
            {
                _sequences[i].EndStep(isDone ? _counts[i] : 0);
                _revisions[i] = _sequences[i].Revision;
            }
            cache.EndStep();
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
            if ((uint)token >= (uint)VocabularySize)
                throw new ArgumentOutOfRangeException(
                    name,
                    token,
                    $"a token id must be from 0 to {VocabularySize - 1}"
                );
        }
    }

    // New tokens of a sequence that take the expanded form: of a prompt, which comes more than one at a time.
    private int ExpandedCount(int sequence) =>
        _counts[sequence] == 1
            ? 0
            : Math.Clamp(_expandedTokens - _lengths[sequence], 0, _counts[sequence]);

    private void ThrowIfRun()
    {
        if (_wasRun)
            throw new InvalidOperationException(
                "The batch was run already; clear it, and add the tokens that come next"
            );
    }

    private void Check(CachedSequence sequence, ReadOnlySpan<int> tokens, int rows)
    {
        if (tokens.IsEmpty)
            throw new ArgumentException("must have a token", nameof(tokens));
        if (SequenceCount == Options.MaxSequences)
            throw new ArgumentException(
                $"a step takes {Options.MaxSequences} sequences; see {nameof(ModelOptions.MaxSequences)}",
                nameof(sequence)
            );
        long length = (long)sequence.Length + tokens.Length;
        if (
            length > sequence.Cache.MaxSequenceTokens
            || PagedCache.PagesFor((int)length) > _maxSequencePages
        )
            throw new ContextLengthException(length, sequence.Cache.MaxSequenceTokens);
        if (tokens.Length > Options.MaxStepTokens - TokenCount)
            throw new ArgumentException(
                $"{TokenCount + (long)tokens.Length} tokens are more than the {Options.MaxStepTokens} of a step; "
                    + $"give a prompt in chunks, or raise {nameof(ModelOptions.MaxStepTokens)}",
                nameof(tokens)
            );
        if (LogitRowCount + rows > Options.MaxLogitRows)
            throw new ArgumentException(
                $"{LogitRowCount + rows} rows of logits are more than the {Options.MaxLogitRows} of a step; "
                    + $"see {nameof(ModelOptions.MaxLogitRows)}",
                nameof(tokens)
            );
        if (SequenceCount > 0 && sequence.Cache != Cache)
            throw new ArgumentException(
                "must be of the cache of the others in the step",
                nameof(sequence)
            );
        if (_sequences.AsSpan(0, SequenceCount).Contains(sequence))
            throw new ArgumentException("is in the step already", nameof(sequence));
        CheckTokens(tokens, nameof(tokens));
    }
}
