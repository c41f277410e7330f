using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Alone in the process: a listener of another test would make the meter allocate.</summary>
[Collection(nameof(WholeProcess))]
public sealed class EngineAllocationTests
{
    private const int Requests = 16;

    [Fact]
    public void Steps_of_decoding_requests_allocate_nothing()
    {
        // The model would not write what ends these texts.
        Grammar[] grammars = [Grammar.FromRegex("[^~]*~~~"), Grammar.FromRegex("([^%~]|%[^~])*%~")];
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using InferenceEngine engine = Engines.Stepped(model, TestTokenizers.Small, 8192);
        IEnumerator<GeneratedToken>[] readers =
        [
            .. Enumerable
                .Range(0, Requests)
                .Select(i =>
                    engine
                        .Submit([i, i + 1, 5], Options(i, grammars.ElementAtOrDefault(i % 4)))
                        .Read()
                        .GetEnumerator()
                ),
        ];
        for (int i = 0; i < 20; i++)
            Step();
        // Longer than a page of the caches.
        Assert.Equal(0, Math.Min(Round(), Round()));

        long Round() => Enumerable.Range(0, 75).Sum(_ => Step());

        long Step()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            bool isStep = engine.Step();
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(isStep);
            foreach (IEnumerator<GeneratedToken> reader in readers)
                Assert.True(reader.MoveNext());
            return bytes;
        }
    }

    [Fact]
    public void Reading_allocates_the_strings_alone()
    {
        var stream = new TokenStream();
        for (int i = 0; i < 20; i++)
            Write(stream);
        for (int i = 0; i < 20; i++)
            Assert.True(stream.MoveNext());
        Action round = () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                ValueTask<bool> next = stream.MoveNextAsync();
                Assert.False(next.IsCompleted);
                stream.Write(new StreamedToken(1, 0, null, null), "");
                Assert.True(next.Result);
            }
        };
        Assert.Equal(0, Allocations.Of(round));

        static void Write(TokenStream stream) =>
            stream.Write(new StreamedToken(1, 0, null, null), "a text");
    }

    private static GenerationOptions Options(int i, Grammar? grammar) =>
        new()
        {
            Grammar = grammar,
            StopAtEos = false,
            Sampling = new SamplingOptions
            {
                Temperature = 0.8f,
                TopP = 0.9f,
                RepetitionPenalty = 1.1f,
                FrequencyPenalty = 0.1f,
                PresencePenalty = i % 2 * 0.1f,
                LogitBias = new Dictionary<int, float>
                {
                    [7] = 1,
                    [TestTokenizers.Small.Encode("~", addSpecialTokens: false)[0]] = -100,
                },
                Seed = (ulong)i,
            },
            Stop = new StopConditions { Strings = ["never to be seen"] },
        };
}
