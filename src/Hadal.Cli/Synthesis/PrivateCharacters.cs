namespace Hadal.Cli.Synthesis;

/// <summary>Texts for tokens that have none: characters of the two planes of private use.</summary>
internal static class PrivateCharacters
{
    private const int First = 0xf0000;

    /// <summary>Each plane ends in two that are no characters.</summary>
    private const int OfPlane = 0xfffe;

    /// <summary>How many there are.</summary>
    public const int Count = 2 * OfPlane;

    /// <summary>One of them, from 0 to <see cref="Count"/> − 1.</summary>
    public static string Of(int number)
    {
        (int plane, int character) = Math.DivRem(number, OfPlane);
        return char.ConvertFromUtf32(First + plane * 0x10000 + character);
    }
}
