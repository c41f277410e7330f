using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>The numerics revision is raised when the bits of the goldens' prompts change, and else stays.</summary>
public sealed class NumericsRevisionTests
{
    // Of NumericsRevision.Current, as they came: that they are right is what the goldens' tests say. Each instruction set sums
    // in an order of its own.
    private static readonly Dictionary<(string Isa, ActivationMode Mode), string> Bits = new()
    {
        [("scalar", ActivationMode.BFloat16)] = "198dc5a79b23d478",
        [("scalar", ActivationMode.Float32)] = "148859fed0476bbb",
        [("avx2", ActivationMode.BFloat16)] = "ab8bba61b44a5553",
        [("avx2", ActivationMode.Float32)] = "f1a02022916191bc",
        [("avx512f", ActivationMode.BFloat16)] = "5a78275284617362",
        [("avx512f", ActivationMode.Float32)] = "54d56be411ef2a29",
        [("avx512", ActivationMode.BFloat16)] = "633d1415a04536d5",
        [("avx512", ActivationMode.Float32)] = "0d348b86a75b490d",
    };

    [Theory]
    [InlineData(ActivationMode.BFloat16)]
    [InlineData(ActivationMode.Float32)]
    public void Bits_are_those_of_the_revision(ActivationMode mode)
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { Activations = mode }
        );
        string isa = model.Device.Isa;
        string made = HashOf(model);
        Assert.SkipUnless(
            Bits.TryGetValue((isa, mode), out string? expected),
            $"Nothing is written down for {isa}; add {made} for {mode}."
        );
        Assert.True(
            made == expected,
            $"the bits are {made}, not {expected}: if that is meant, raise {nameof(NumericsRevision)}.{nameof(NumericsRevision.Current)}, "
                + "and write the bits of each instruction set down anew"
        );
    }

    // A prompt shorter than what the indexer keeps and a longer one, and decoded tokens.
    private static string HashOf(DeepSeekModel model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (int prompt in new[] { 20, 100 })
        {
            using var golden = new Golden("kjv-shakespeare", prompt);
            using PagedCache cache = model.CreateCache(128);
            using CachedSequence sequence = cache.CreateSequence();
            using StepBatch batch = model.CreateBatch(cache);
            Append(GoldenRun.Feed(model, batch, sequence, golden.Ids));
            foreach (int token in golden.Tokens[..4])
                Append(GoldenRun.Feed(model, batch, sequence, [token]));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));

        void Append(float[] logits) => hash.AppendData(MemoryMarshal.AsBytes(logits.AsSpan()));
    }
}
