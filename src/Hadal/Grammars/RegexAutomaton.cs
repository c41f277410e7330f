namespace Hadal.Grammars;

/// <summary>Regular expressions of ECMA-262, with the flag u, as automata: <see cref="RegexParser"/> says what is read.</summary>
internal static class RegexAutomaton
{
    /// <summary>The automaton of a pattern.</summary>
    /// <param name="pattern">The pattern, without look-around, back references and word boundaries.</param>
    /// <param name="search">
    /// Whether the texts are those in which the pattern matches anywhere, as JSON Schema has it, and not those that it matches as a
    /// whole.
    /// </param>
    /// <exception cref="GrammarException">The pattern is broken, not supported, or its automaton too large.</exception>
    public static CharAutomaton Compile(string pattern, bool search)
    {
        RegexNode root = RegexParser.Parse(pattern, out List<CodePointSet> sets);
        int anything = sets.Count;
        if (search)
            sets.Add(CodePointSet.All);
        CharClasses classes =
            CharClasses.Separating(sets, CharAutomatonBuilder.MaxTransitions, out int[][] classesOf)
            ?? throw new GrammarException(
                "the pattern's automaton is too large: its classes overlap in too many ways"
            );
        var nfa = new RegexNfa(root, search, anything, classesOf);
        return RegexDeterminizer.Run(nfa, search, classes);
    }
}
