namespace Hadal.Grammars;
internal static class FormatPatterns { public static CharAutomaton? Find(string f) => null; }
