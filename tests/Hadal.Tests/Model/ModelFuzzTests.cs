using System.Buffers.Binary;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>Checkpoints whose weights are anything: loading or a step refuses them by name, or they run.</summary>
public sealed class ModelFuzzTests
{
    private const int Rounds = 40;

    [Theory]
    [InlineData("random-v3")]
    [InlineData("random-a")]
    public void Weights_of_random_bytes_are_refused_or_run(string model)
    {
        using Device device = Device.Cpu(2);
        int ran = 0;
        int refused = 0;
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            using TemporaryFolder folder = TestCheckpointCopy.Write(
                TestModels.Folder(model),
                tensor => (tensor.DType, Mutate(tensor.Bytes.ToArray(), random))
            );
            try
            {
                Run(folder.Path, device);
                ran++;
            }
            catch (HadalException e)
            {
                Assert.NotEmpty(e.Message);
                refused++;
            }
        }
        Assert.True(ran > 0, "every one was refused, so no kernel met such weights");
        Assert.True(refused > 0, "none was refused");
    }

    // Most tensors stay as they are, so that something runs.
    private static byte[] Mutate(byte[] data, Random random)
    {
        if (data.Length < 4 || random.Next(60) != 0)
            return data;
        int count = random.Next(1, 9);
        for (int i = 0; i < count; i++)
        {
            Span<byte> at = data.AsSpan(random.Next(data.Length - 3), 4);
            BinaryPrimitives.WriteInt32LittleEndian(
                at,
                random.Next(3) switch
                {
                    0 => random.Next(int.MinValue, int.MaxValue),
                    1 => 0x7f7f7f7f, // NaN in e4m3, the largest numbers in f32 and bf16.
                    _ => 0,
                }
            );
        }
        return data;
    }

    private static void Run(string folder, Device device)
    {
        using DeepSeekModel model = DeepSeekModel.Load(folder, device);
        using PagedCache cache = model.CreateCache(192);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        // More tokens than the indexer keeps, then one alone: both forms of every product.
        batch.Add(sequence, [.. Enumerable.Range(1, 100)], RowKind.Prefill);
        _ = model.Forward(batch, TestContext.Current.CancellationToken);
        batch.Clear();
        batch.Add(sequence, [5], RowKind.Decode);
        _ = model.Forward(batch, TestContext.Current.CancellationToken);
    }
}
