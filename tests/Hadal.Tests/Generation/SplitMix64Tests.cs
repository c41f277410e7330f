namespace Hadal.Tests.Generation;

public sealed class SplitMix64Tests
{
    [Fact]
    public void The_numbers_are_those_of_the_published_generator()
    {
        // Seed 1234567; values as listed at rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64.
        var random = new SplitMix64(1234567);
        ulong[] expected =
        [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
            4593380528125082431,
            16408922859458223821,
        ];
        foreach (ulong value in expected)
            Assert.Equal(value, random.Next());
    }
}
