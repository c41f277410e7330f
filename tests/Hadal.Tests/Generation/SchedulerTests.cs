using Hadal.Caching;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Generation;

public sealed class SchedulerTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { MaxStepTokens = 16, MaxSequences = 3 }
    );
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Texts_together_are_the_texts_alone()
    {
        string[] prompts =
        [
            "And the king said",
            "Enter HAMLET, with a book that he is reading, and after him two gentlemen of the court",
            "O",
            "In the beginning",
            "Who's there?",
        ];
        using var generator = new TokenGenerator(_model, _tokenizer, 1024);
        string[] alone =
        [
            .. prompts.Select(
                (p, i) => Run(generator.Start(_tokenizer.Encode(p), Limit(5 + 3 * i)))
            ),
        ];

        TextGeneration[] texts =
        [
            .. prompts.Select((p, i) => generator.Start(_tokenizer.Encode(p), Limit(5 + 3 * i))),
        ];
        var scheduler = new Scheduler(generator);
        foreach (TextGeneration text in texts)
            scheduler.Add(text);
        var together = texts.ToDictionary(t => t, _ => "");
        while (scheduler.Step(Cancellation))
        {
            foreach (TextGeneration text in scheduler.Advanced)
                together[text] += text.Text.ToString();
        }
        Assert.Equal(alone, texts.Select(t => together[t]));
        Assert.All(texts, t => Assert.Equal(FinishReason.Length, t.FinishReason));
        Assert.All(texts, t => Assert.True(t.Usage.DecodeTime > TimeSpan.Zero));
        foreach (TextGeneration text in texts)
            text.Dispose();
        Assert.Equal(generator.Cache.PageCount, generator.Cache.FreePages);
    }

    [Fact]
    public void Text_without_room_waits_and_only_a_full_cache_is_an_error()
    {
        using var generator = new TokenGenerator(_model, _tokenizer, 128);
        var scheduler = new Scheduler(generator);
        using TextGeneration one = generator.Start(new int[60], Limit(3));
        using TextGeneration two = generator.Start(new int[60], Limit(8));
        using TextGeneration three = generator.Start(new int[60], Limit(1));
        scheduler.Add(one);
        scheduler.Add(two);
        scheduler.Add(three);
        CacheFullException? full = null;
        while (full is null && scheduler.Running.Count > 0)
        {
            try
            {
                scheduler.Step(Cancellation);
            }
            catch (CacheFullException e)
            {
                full = e;
            }
        }
        // One has ended but keeps its page; two stands at the end of its page, and three has none.
        Assert.NotNull(full);
        Assert.Equal(
            (3, 5, 0),
            (one.Usage.GeneratedTokens, two.Usage.GeneratedTokens, three.Usage.GeneratedTokens)
        );
        one.Dispose();
        while (two.FinishReason is null)
            scheduler.Step(Cancellation);
        Assert.Equal((8, 0), (two.Usage.GeneratedTokens, three.Usage.GeneratedTokens));
        two.Dispose();
        while (scheduler.Step(Cancellation)) { }
        Assert.Equal(FinishReason.Length, three.FinishReason);
    }

    [Fact]
    public void Wrong_texts_are_refused()
    {
        using var generator = new TokenGenerator(_model, _tokenizer, 64);
        using var other = new TokenGenerator(_model, _tokenizer, 64);
        var scheduler = new Scheduler(generator);
        Assert.False(scheduler.Step(Cancellation));
        using TextGeneration text = generator.Start([0]);
        using TextGeneration foreign = other.Start([0]);
        scheduler.Add(text);
        Assert.Throws<ArgumentException>(() => scheduler.Add(text));
        Assert.Throws<ArgumentException>(() => scheduler.Add(foreign));
        scheduler.Remove(text);
        Assert.False(scheduler.Step(Cancellation));
    }

    [Fact]
    public void Text_that_cannot_go_on_is_let_go_of_and_the_others_go_on()
    {
        using var generator = new TokenGenerator(_model, _tokenizer, 1024);
        string alone = Run(generator.Start(_tokenizer.Encode("O"), Limit(12)));
        using TextGeneration sound = generator.Start(_tokenizer.Encode("O"), Limit(12));
        using TextGeneration broken = generator.Start(_tokenizer.Encode("In the"), Limit(12));
        using TextGeneration unsampled = generator.Start(_tokenizer.Encode("Who"), Limit(12));
        using TextGeneration disposed = generator.Start(_tokenizer.Encode("And"), Limit(12));
        var scheduler = new Scheduler(generator);
        scheduler.Add(disposed);
        scheduler.Add(broken);
        scheduler.Add(sound);
        string together = Step();
        together += Step();
        Assert.Equal([disposed, broken, sound], scheduler.Running);

        CachePages.Break(broken.Sequence);
        disposed.Dispose();
        together += Step();
        Assert.Equal([disposed, broken], scheduler.Failed);
        Assert.IsType<ObjectDisposedException>(disposed.Error);
        Assert.IsAssignableFrom<HadalException>(broken.Error);
        Assert.Null(sound.Error);
        Assert.Equal([sound], scheduler.Running);

        Samplers.Of(unsampled) = Samplers.Bad;
        scheduler.Add(unsampled);
        together += Step();
        Assert.Equal([unsampled], scheduler.Failed);
        Assert.IsType<ArgumentException>(unsampled.Error);

        // Taken over by a text of its maker's.
        using TextGeneration taken = generator.Start(_tokenizer.Encode("To be"), Limit(2));
        scheduler.Add(taken);
        using TextGeneration after = generator.Start(_tokenizer.Encode("To be"), Limit(2), taken);
        together += Step();
        Assert.Equal([taken], scheduler.Failed);
        Assert.IsType<ObjectDisposedException>(taken.Error);

        while (scheduler.Running.Count > 0)
            together += Step();
        Assert.Equal(alone, together);
        Assert.Empty(scheduler.Failed);
        Assert.False(scheduler.Step(Cancellation));

        string Step()
        {
            Assert.True(scheduler.Step(Cancellation));
            Assert.Contains(sound, scheduler.Advanced);
            return sound.Text.ToString();
        }
    }

    [Fact]
    public void Step_in_which_the_last_text_fails_is_a_step()
    {
        using var generator = new TokenGenerator(_model, _tokenizer, 64);
        var scheduler = new Scheduler(generator);
        TextGeneration text = generator.Start([0], Limit(3));
        scheduler.Add(text);
        text.Dispose();
        Assert.True(scheduler.Step(Cancellation));
        Assert.Equal([text], scheduler.Failed);
        Assert.Empty(scheduler.Advanced);
        Assert.False(scheduler.Step(Cancellation));
        Assert.Empty(scheduler.Failed);
        Assert.Throws<ObjectDisposedException>(() => scheduler.Add(text));
    }

    private static GenerationOptions Limit(int tokens) =>
        new()
        {
            StopAtEos = false,
            Stop = new StopConditions { MaxTokens = tokens },
        };

    private static string Run(TextGeneration text)
    {
        using (text)
        {
            string all = "";
            while (text.MoveNext(Cancellation))
                all += text.Text.ToString();
            return all;
        }
    }
}
