using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;

namespace Hadal.Tests.Caching;

/// <summary>A model goes on from a saved prefix as from one that it has computed, and from no other's.</summary>
public sealed class SavedPrefixTests : IDisposable
{
    private static readonly PrefixKey Key = new("");

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public SavedPrefixTests() => _path = _folder.File("prefix");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ActivationMode.BFloat16, true)]
    [InlineData(ActivationMode.Float32, false)]
    public void Loaded_prefix_has_the_bits_of_a_computed_one(ActivationMode mode, bool hasPredictor)
    {
        var options = new ModelOptions { Activations = mode, LoadPredictor = hasPredictor };
        using var golden = new Golden("kjv-shakespeare", 900);
        int[] ids = golden.Ids.ToArray();
        float[] expected;
        using (DeepSeekModel model = TestModels.Load("kjv-shakespeare", options))
        using (PagedCache cache = model.CreateCache(1024))
        using (StepBatch batch = model.CreateBatch(cache))
        using (CachedSequence sequence = cache.CreateSequence())
        {
            expected = GoldenRun.Feed(model, batch, sequence, ids);
            cache.Prefixes.Publish(sequence, ids, Key);
            Assert.Equal(896, cache.SavePrefix(_path, ids, Key));
        }

        using DeepSeekModel other = TestModels.Load("kjv-shakespeare", options);
        using PagedCache loaded = other.CreateCache(1024);
        Assert.Equal(new LoadedPrefix(896, 896), loaded.LoadPrefix(_path, Key));
        using StepBatch rest = other.CreateBatch(loaded);
        using CachedSequence next = loaded.CreateSequence();
        Assert.Equal(896, loaded.Prefixes.Attach(next, ids, Key));
        Assert.Equal(expected, GoldenRun.Feed(other, rest, next, ids.AsSpan(896)));
    }

    [Fact]
    public void Prefix_of_another_model_or_of_other_options_is_refused_by_name()
    {
        var options = new ModelOptions();
        using (DeepSeekModel model = TestModels.Load("kjv-shakespeare", options))
        using (PagedCache cache = model.CreateCache(128))
        {
            Fill(model, cache);
            cache.SavePrefix(_path, new int[100], Key);
        }
        Refuse(
            options with
            {
                Activations = ActivationMode.Float32,
            },
            "activations is BFloat16, must be Float32; cache format is"
        );
        Refuse(
            options with
            {
                PrefillForm = PrefillForm.Expanded,
            },
            "prefill form is Absorbed, must be Expanded"
        );
        Refuse(options with { IndexTopK = 128 }, "index top-k is 64, must be 128");
        Refuse(options with { LoadPredictor = true }, "layers is");

        using TemporaryFolder tuned = TestCheckpointCopy.Write(
            Paths.EmbeddedModel,
            tensor =>
            {
                (DType dtype, byte[] data) = TestCheckpointCopy.Same(tensor);
                if (tensor.Name == "model.norm.weight")
                    data[data.Length / 2] ^= 1;
                return (dtype, data);
            }
        );
        using Device device = Device.Cpu();
        using DeepSeekModel other = DeepSeekModel.Load(tuned.Path, device);
        RefuseBy(other, "checkpoint is ");

        void Refuse(ModelOptions changed, string difference)
        {
            using DeepSeekModel model = TestModels.Load("kjv-shakespeare", changed);
            RefuseBy(model, difference);
        }

        void RefuseBy(DeepSeekModel model, string difference)
        {
            using PagedCache cache = model.CreateCache(128);
            var error = Assert.Throws<CacheFileException>(() => cache.LoadPrefix(_path, Key));
            Assert.Contains(
                $"other options: {difference}",
                error.Message,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public void Disposed_model_or_cache_saves_nothing()
    {
        DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        PagedCache cache = model.CreateCache(128);
        Fill(model, cache);
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cache.SavePrefix(_path, new int[100], Key));
        Assert.Throws<ObjectDisposedException>(() => cache.LoadPrefix(_path, Key));
        cache.Dispose();
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    private static void Fill(DeepSeekModel model, PagedCache cache)
    {
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        GoldenRun.Feed(model, batch, sequence, new int[100]);
        cache.Prefixes.Publish(sequence, new int[100], Key);
    }
}
