using System.Text;
using Hadal.Grammars;

namespace Hadal.Tests.Grammars;

/// <summary>Texts that automata accept.</summary>
internal static class SampleTexts
{
    /// <summary>A random walk to an accepting state, which ends soon after a number of characters.</summary>
    public static string Walk(CharAutomaton automaton, Random random, int length)
    {
        int[] distances = Distances(automaton);
        var text = new StringBuilder();
        int state = automaton.Start;
        for (int i = 0; ; i++)
        {
            if (automaton.Accepts(state) && (i >= length || random.Next(8) == 0))
                return text.ToString();
            var ways = new List<(int First, int Last, int Target)>();
            foreach ((int first, int last, int charClass) in automaton.Ranges)
            {
                int target = automaton.Next(state, charClass);
                if (target >= 0 && (i < length || distances[target] < distances[state]))
                    ways.Add((first, last, target));
            }
            if (ways.Count == 0)
                return text.ToString();
            (int from, int to, int next) = ways[random.Next(ways.Count)];
            text.Append(char.ConvertFromUtf32(random.Next(from, to + 1)));
            state = next;
        }
    }

    /// <summary>All texts of some characters up to a length.</summary>
    public static List<string> All(string[] characters, int length)
    {
        List<string> all = [""];
        for (int from = 0; length > 0; length--)
        {
            int to = all.Count;
            for (; from < to; from++)
            {
                foreach (string c in characters)
                    all.Add(all[from] + c);
            }
        }
        return all;
    }

    /// <summary>How many characters are missing to an accepting state, at least.</summary>
    public static int[] Distances(CharAutomaton automaton)
    {
        var distances = new int[automaton.StateCount];
        for (int state = 0; state < distances.Length; state++)
            distances[state] = automaton.Accepts(state) ? 0 : int.MaxValue;
        for (bool changed = true; changed; )
        {
            changed = false;
            for (int state = 0; state < distances.Length; state++)
            {
                for (int c = 0; c < automaton.ClassCount; c++)
                {
                    int target = automaton.Next(state, c);
                    if (target < 0 || distances[target] >= distances[state] - 1)
                        continue;
                    distances[state] = distances[target] + 1;
                    changed = true;
                }
            }
        }
        return distances;
    }
}
