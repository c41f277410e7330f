using Hadal.Caching;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

public sealed class SavedEnginePrefixTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void A_prompt_is_computed_by_one_engine_and_taken_by_another()
    {
        string path = _folder.File("prefix");
        int[] prompt = [.. Enumerable.Range(1, 200)];
        var options = Engines.Limit(5) with { LogProbs = 2 };
        string[] computed;
        using (var engine = new InferenceEngine(_model, _tokenizer))
        {
            Assert.Equal(0, engine.SavePrefix(path, prompt));
            computed = Bits(engine.Submit(prompt, options));
            Assert.Equal(192, engine.SavePrefix(path, prompt));
        }
        using (var engine = new InferenceEngine(_model, _tokenizer))
        {
            // While steps are made, too.
            InferenceRequest other = engine.Submit([1, 2], Engines.Limit(300));
            Assert.Equal(new LoadedPrefix(192, 192), engine.LoadPrefix(path));
            InferenceRequest request = engine.Submit(prompt, options);
            Assert.Equal(computed, Bits(request));
            Assert.Equal(192, request.Usage.CachedTokens);
            Assert.Equal(300, other.Tokens().Count);
            File.WriteAllText(path, "no such file");
            Assert.Throws<CacheFileException>(() => engine.LoadPrefix(path));
            Assert.Throws<CacheFileException>(() => engine.SavePrefix(path, prompt));
        }
    }

    [Fact]
    public void A_disposed_engine_saves_nothing()
    {
        var engine = new InferenceEngine(_model, _tokenizer);
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() =>
            engine.SavePrefix(_folder.File("prefix"), [1])
        );
        Assert.Throws<ObjectDisposedException>(() => engine.LoadPrefix(_folder.File("prefix")));
    }

    private static string[] Bits(InferenceRequest request) =>
        [.. request.Tokens().Select(t => $"{t.Id} {t.LogProbs!.Token} {t.LogProbs.Top[1]}")];
}
