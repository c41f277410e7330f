using System.Text;

namespace Hadal.Tokenization;

/// <summary>
/// Byte-level BPE of words: the neighbours whose merge has the lowest rank become one token, the leftmost pair first
/// among equals, until no two neighbours merge. O(n log n) for a word of n bytes. For one text; not thread-safe.
/// </summary>
internal sealed class BytePairMerger(BytePairTable table, CancellationToken cancellationToken)
{
    private const int StepsBetweenChecks = 4096;

    // Symbol i covers the bytes from i to its Next, which is the index of the symbol after it.
    private Symbol[] _symbols = [];
    private byte[] _bytes = [];

    // By rank, then by index; an entry is stale once either symbol was merged into another.
    private readonly PriorityQueue<(int Id, int End), ulong> _pairs = new();

    /// <summary>Words and pairs looked at so far.</summary>
    internal long Steps { get; private set; }

    /// <summary>Appends the ids of a word; an unpaired surrogate is U+FFFD.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled, which is looked at within long words.</exception>
    public void Append(ReadOnlySpan<char> word, List<int> ids)
    {
        Step();
        int most = Encoding.UTF8.GetMaxByteCount(word.Length);
        if (_bytes.Length < most)
        {
            _bytes = new byte[most];
            _symbols = new Symbol[most];
        }
        int length = Encoding.UTF8.GetBytes(word, _bytes);
        if (length == 0)
            return;
        if (table.TryGetWord(_bytes.AsSpan(0, length), out int id))
        {
            ids.Add(id);
            return;
        }
        for (int i = 0; i < length; i++)
            _symbols[i] = new Symbol(table[_bytes[i]], i - 1, i + 1);
        for (int i = 1; i < length; i++)
            Offer(i - 1, i);
        Merge(length);
        for (int i = 0; i < length; i = _symbols[i].Next)
            ids.Add(_symbols[i].Id);
    }

    private void Merge(int length)
    {
        while (_pairs.TryDequeue(out (int Id, int End) pair, out ulong key))
        {
            int at = (int)(uint)key;
            ref Symbol left = ref _symbols[at];
            int middle = left.Next;
            // Symbols only grow, so a pair of the same begin and end is the same pair.
            if (left.IsGone || middle == length || _symbols[middle].Next != pair.End)
                continue;
            left.Id = pair.Id;
            left.Next = pair.End;
            _symbols[middle].Id = Symbol.Gone;
            if (pair.End < length)
            {
                _symbols[pair.End].Previous = at;
                Offer(at, pair.End);
            }
            if (at > 0)
                Offer(left.Previous, at);
        }
    }

    private void Offer(int left, int right)
    {
        Step();
        if (table.TryMerge(_symbols[left].Id, _symbols[right].Id, out (int Rank, int Id) merge))
            _pairs.Enqueue(
                (merge.Id, _symbols[right].Next),
                ((ulong)merge.Rank << 32) | (uint)left
            );
    }

    private void Step()
    {
        if (++Steps % StepsBetweenChecks == 0)
            cancellationToken.ThrowIfCancellationRequested();
    }

    private record struct Symbol(int Id, int Previous, int Next)
    {
        public const int Gone = -1;

        public readonly bool IsGone => Id == Gone;
    }
}
