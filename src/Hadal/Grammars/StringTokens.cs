namespace Hadal.Grammars;

/// <summary>What the tokens of a vocabulary do within JSON strings of any content. Immutable.</summary>
internal sealed class StringTokens
{
    // For so many characters there is a mask; longer tokens are few.
    private const int MaskedRoom = 24;

    private readonly ulong[][] _masks = new ulong[MaskedRoom + 1][];
    private readonly int[][] _longer; // By their characters, less those that are masked.

    /// <param name="tokens">The tokens.</param>
    /// <param name="words">Words of a mask.</param>
    public StringTokens((byte[] Bytes, int Id)[] tokens, int words)
    {
        var byLength = new List<List<int>>();
        var closing = new List<(byte[], int)>();
        foreach ((byte[] bytes, int id) in tokens)
        {
            int characters = Scan(bytes, out bool closes);
            if (closes)
                closing.Add((bytes, id));
            if (closes || characters < 0)
                continue;
            while (byLength.Count <= characters)
                byLength.Add([]);
            byLength[characters].Add(id);
        }
        var mask = new ulong[words];
        for (int room = 0; room <= MaskedRoom; room++)
        {
            foreach (int id in room < byLength.Count ? byLength[room] : [])
                mask[id / 64] |= 1UL << (id % 64);
            _masks[room] = [.. mask];
        }
        _longer = [.. byLength.Skip(MaskedRoom + 1).Select(static ids => ids.ToArray())];
        Closing = new TokenTrie(closing);
    }

    /// <summary>Those that end a string that they begin in.</summary>
    public TokenTrie Closing { get; }

    /// <summary>Makes a mask of those that stay in a string, and have no more than so many characters.</summary>
    public void CopySafe(int room, Span<ulong> bits)
    {
        _masks[Math.Min(room, MaskedRoom)].CopyTo(bits);
        int longer = (int)Math.Clamp((long)room - MaskedRoom, 0, _longer.Length);
        foreach (int[] ids in _longer.AsSpan(0, longer))
        {
            foreach (int id in ids)
                bits[id >> 6] |= 1UL << id;
        }
    }

    // The characters that a token has, one that it begins included; −1 where it can't come in a string.
    private static int Scan(byte[] bytes, out bool closes)
    {
        CharCode code = CharCode.AnyInJson;
        (int phase, int characters) = (0, 0);
        closes = false;
        foreach (byte value in bytes)
        {
            if (phase == 0)
            {
                closes = value == '"';
                if (closes)
                    return characters;
                characters++;
            }
            int next = code.Next(phase, value);
            if (next == CharCode.Dead)
                return -1;
            phase = Math.Max(0, next);
        }
        return characters;
    }
}
