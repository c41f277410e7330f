#pragma warning disable CA1822
namespace Hadal.Grammars;

/// <summary>STUB</summary>
internal sealed record NumberBounds
{
    public static NumberBounds None { get; } = new();
    private static readonly CharAutomaton s_i = Regex.Compile("-?(0|[1-9][0-9]*)", false), s_n = Regex.Compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?", false);
    public NumberBounds Above(ExactDecimal b, bool isExclusive) => this;
    public NumberBounds Below(ExactDecimal b, bool isExclusive) => this;
    public NumberBounds And(NumberBounds o) => this;
    public bool Contain(ExactDecimal v) => true;
    public CharAutomaton Automaton(bool isInteger) => isInteger ? s_i : s_n;
}
