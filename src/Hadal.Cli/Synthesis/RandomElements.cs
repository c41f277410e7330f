namespace Hadal.Cli.Synthesis;

/// <summary>
/// Random elements that have been encoded once for all: a sum of four 16-bit uniforms, close to a normal distribution and
/// bounded, chooses one of 65536 encoded values. It takes one draw an element, whatever the encoding.
/// </summary>
/// <typeparam name="T">An encoded element.</typeparam>
internal sealed class RandomElements<T>
    where T : unmanaged
{
    /// <summary>The largest value of the distribution of deviation 1.</summary>
    public static readonly double Bound = 2 * Math.Sqrt(3);

    private readonly T[] _table = new T[1 << 16];

    /// <param name="mean">The mean of the values.</param>
    /// <param name="deviation">Their standard deviation.</param>
    /// <param name="encode">Encodes a value.</param>
    public RandomElements(double mean, double deviation, Func<float, T> encode)
    {
        for (int i = 0; i < _table.Length; i++)
        {
            double unit = (i + 0.5) / _table.Length; // of the sum, which goes from 0 to 4
            _table[i] = encode((float)(mean + deviation * Bound * (2 * unit - 1)));
        }
    }

    public void Fill(ref SplitMix64 random, Span<T> elements)
    {
        T[] table = _table;
        for (int i = 0; i < elements.Length; i++)
        {
            ulong draw = random.Next();
            uint sum =
                (ushort)draw
                + (uint)(ushort)(draw >> 16)
                + (ushort)(draw >> 32)
                + (uint)(draw >> 48);
            elements[i] = table[(ushort)(sum >> 2)];
        }
    }
}
