namespace Hadal.Grammars;

/// <summary>Kinds of JSON values. A schema's <c>number</c> is both kinds of numbers.</summary>
[Flags]
internal enum JsonTypes : byte
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Fraction = 8,
    String = 16,
    Object = 32,
    Array = 64,
    Number = Integer | Fraction,
    All = 127,
}
