using Hadal.Generation;

namespace Hadal.Tests.Generation;

public sealed class LogitKeyTests
{
    [Fact]
    public void Keys_rank_by_logit_descending_then_id_and_give_both_back()
    {
        float[] ranked =
        [
            float.MaxValue,
            3.5f,
            1e-30f,
            float.Epsilon,
            0f,
            -float.Epsilon,
            -1e-30f,
            -2f,
            float.MinValue,
        ];
        for (int i = 0; i < ranked.Length; i++)
        {
            ulong key = LogitKey.Of(ranked[i], 129279);
            Assert.Equal((ranked[i], 129279), (LogitKey.Logit(key), LogitKey.Id(key)));
            if (i > 0)
                Assert.True(LogitKey.Of(ranked[i - 1], 500) < LogitKey.Of(ranked[i], 0));
            Assert.True(LogitKey.Of(ranked[i], 4) < LogitKey.Of(ranked[i], 5));
        }
        Assert.Equal(LogitKey.Of(0f, 3), LogitKey.Of(-0f, 3));
    }

    [Fact]
    public void SelectFirst_finds_the_smallest_in_any_order_of_keys()
    {
        var random = new Random(2);
        for (int round = 0; round < 3000; round++)
        {
            int n = random.Next(1, 200);
            int spread = random.Next(1, 300);
            ulong[] keys =
            [
                .. Enumerable
                    .Range(0, n)
                    .Select(i => round % 3 == 0 ? (ulong)i : (ulong)random.Next(spread)),
            ];
            ulong[] sorted = [.. keys.Order()];
            int count = random.Next(1, n + 1);
            LogitKey.SelectFirst(keys, count);
            Assert.Equal(sorted[..count], keys[..count].Order());
            Assert.Equal(sorted[count..], keys[count..].Order());
        }
    }
}
