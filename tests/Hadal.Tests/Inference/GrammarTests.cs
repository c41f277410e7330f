using System.Text;
using System.Text.Json;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Texts that a grammar constrains.</summary>
public sealed class GrammarTests : IDisposable
{
    private const string Words = @"[A-Z][a-z]{1,8}( [a-z]{1,8}){2,5}[.!]";

    private const string Schema = """
        {"type":"object","properties":{"name":{"type":"string","maxLength":10},
         "age":{"type":"integer","minimum":0,"maximum":120},"kind":{"enum":["king","fool"]}},
         "required":["name","age","kind"],"additionalProperties":false}
        """;

    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { LoadPredictor = true, MaxLogitRows = 16 }
    );
    private readonly DeepSeekTokenizer _tokenizer = TestTokenizers.Small;

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Texts_match_a_pattern_and_end()
    {
        var grammar = Grammar.FromRegex(Words);
        foreach (string text in Texts(grammar, "And the king said unto them, "))
        {
            Assert.Matches($"^{Words}\\z", text);
            Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(text)));
        }
    }

    [Fact]
    public void Texts_are_one_of_the_choices()
    {
        string[] choices = ["yes", "no", "nobody", "Ich weiß nicht", "知らない"];
        Assert.All(
            Texts(Grammar.FromChoices(choices), "Who's there? "),
            text => Assert.Contains(text, choices)
        );
        // What the model would never write.
        Assert.All(
            Texts(Grammar.FromChoices(choices[4..]), "Who's there? "),
            text => Assert.Equal(choices[4], text)
        );
    }

    [Fact]
    public void Texts_satisfy_a_schema() =>
        Assert.All(Texts(JsonGrammar(), "The king: "), MustSatisfySchema);

    [Fact]
    public void Each_choice_has_its_own_place_in_the_grammar()
    {
        var grammar = Grammar.FromRegex(Words);
        string[] three = Choices(3);
        Assert.All(three, text => Assert.Matches($"^{Words}\\z", text));
        Assert.Equal(3, three.Distinct().Count());
        Assert.Equal(three, Choices(3));
        Assert.Equal(Choices(1)[0], three[0]);

        string[] Choices(int count)
        {
            using InferenceEngine engine = Engine();
            InferenceRequest request = engine.Submit(
                _tokenizer.Encode("And it came to pass, that "),
                new GenerationOptions
                {
                    Grammar = grammar,
                    Choices = count,
                    Sampling = new SamplingOptions { Temperature = 1, Seed = 5 },
                }
            );
            engine.Finish();
            return
            [
                .. request
                    .Tokens()
                    .GroupBy(token => token.Choice)
                    .OrderBy(choice => choice.Key)
                    .Select(choice => choice.Text()),
            ];
        }
    }

    [Fact]
    public void The_limit_of_tokens_cuts_a_text()
    {
        List<GeneratedToken> tokens = Tokens(
            Grammar.FromRegex("[a-z ]{100,}"),
            "And it came to pass",
            options => options with { Stop = new StopConditions { MaxTokens = 5 } }
        );
        Assert.Equal(5, tokens.Count);
        Assert.Equal(FinishReason.Length, tokens[^1].FinishReason);
        Assert.Matches("^[a-z ]+\\z", tokens.Text());
    }

    [Fact]
    public void An_end_comes_before_MinTokens_only_where_nothing_else_may()
    {
        var letters = Grammar.FromRegex("[a-z]+");
        // A letter, then the end as soon as it may come, though EOS is not to end it.
        Assert.Equal(2, Count(letters, 0));
        Assert.Equal(11, Count(letters, 10));
        int whole = Count(Grammar.FromChoices(["yes"]), 0);
        Assert.Equal(whole, Count(Grammar.FromChoices(["yes"]), 50));

        int Count(Grammar grammar, int minTokens)
        {
            List<GeneratedToken> tokens = Tokens(
                grammar,
                "And the king said",
                options =>
                    options with
                    {
                        StopAtEos = false,
                        Stop = new StopConditions { MinTokens = minTokens, MaxTokens = 60 },
                        Sampling = Biased(_tokenizer.EosId, 100),
                    }
            );
            Assert.Equal(FinishReason.Stop, tokens[^1].FinishReason);
            Assert.Equal(_tokenizer.EosId, tokens[^1].Id);
            return tokens.Count;
        }
    }

    [Fact]
    public void A_stop_token_may_come_where_the_text_may_end_and_nowhere_else()
    {
        int semicolon = _tokenizer.Encode(";", addSpecialTokens: false).Single();
        List<GeneratedToken> tokens = Tokens(
            Grammar.FromRegex("[a-z;]{3}[a-z ;]*"),
            "And the king said",
            options =>
                options with
                {
                    Stop = new StopConditions { Tokens = [semicolon], MaxTokens = 60 },
                    Sampling = Biased(semicolon, 100),
                }
        );
        Assert.Equal(semicolon, tokens[^1].Id);
        Assert.Equal(FinishReason.Stop, tokens[^1].FinishReason);
        string text = tokens.Text();
        Assert.Matches("^[a-z;]{3}[a-z ;]*\\z", text);
        // It was drawn as soon as it could be.
        Assert.True(tokens.SkipLast(2).Text().Length < 3);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void After_a_thought_the_grammar_begins_exactly(int drafts)
    {
        Assert.True(_tokenizer.TryGetAddedToken("</think>", out int mark));
        using InferenceEngine engine = Engine(new EngineOptions { Drafts = drafts });
        InferenceRequest request = engine.Submit(
            _tokenizer.Encode("Who's there?<think>", parseSpecialTokens: true),
            new GenerationOptions
            {
                Grammar = JsonGrammar().AfterThought(),
                Choices = 8,
                Stop = new StopConditions { MaxTokens = 300 },
                Sampling = new SamplingOptions
                {
                    Temperature = 1,
                    Seed = 2,
                    // No text ends within a thought; the model was never taught to end a thought.
                    LogitBias = new Dictionary<int, float> { [_tokenizer.EosId] = 30, [mark] = 18 },
                },
            }
        );
        engine.Finish();
        List<int> thoughts = [];
        foreach (var choice in request.Tokens().GroupBy(token => token.Choice))
        {
            Assert.Equal(FinishReason.Stop, choice.Last().FinishReason);
            string text = choice.Text();
            int end = text.IndexOf("</think>", StringComparison.Ordinal);
            MustSatisfySchema(text[(end + "</think>".Length)..]);
            thoughts.Add(end);
        }
        Assert.Equal(8, thoughts.Count);
        Assert.Contains(thoughts, length => length > 10);
    }

    /// <summary>Those of the model's logits, whatever the grammar allows.</summary>
    [Fact]
    public void Log_probabilities_are_those_without_a_grammar()
    {
        using InferenceEngine engine = Engine();
        int[] prompt = _tokenizer.Encode("In the beginning God created the heaven and the ");
        List<GeneratedToken> tokens = Submit(
            engine,
            Grammar.FromChoices(["zebra zebra"]),
            prompt,
            options => options with { LogProbs = 3 }
        );
        InferenceRequest foretold = engine.Submit(
            [.. prompt, .. tokens.Ids()],
            Engines.Limit(1) with
            {
                PromptLogProbs = 3,
            }
        );
        engine.Finish();
        TokenLogProbs[] expected =
        [
            .. foretold.PromptLogProbs.Skip(prompt.Length).Select(probs => probs!),
        ];
        Assert.Equal(tokens.Count, expected.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            TokenLogProbs own = tokens[i].LogProbs!;
            Assert.Equal(expected[i].Token.LogProb, own.Token.LogProb, 1e-4f);
            Assert.Equal(expected[i].Top.Select(p => p.Id), own.Top.Select(p => p.Id));
        }
        // The model wanted something else.
        Assert.Contains(
            tokens,
            token => token.LogProbs!.Top[0].LogProb > token.LogProbs.Token.LogProb + 1
        );
    }

    [Fact]
    public void A_text_that_no_token_goes_on_with_fails_and_the_others_go_on()
    {
        // A token a byte, so that a grammar that wants a q in the midst can't have it where q ends the text.
        DeepSeekTokenizer tokenizer = TestTokenizers.Bytes;
        using DeepSeekModel model = TestModels.Load("random-a");
        using InferenceEngine engine = Engines.Stepped(model, tokenizer);
        int[] prompt = tokenizer.Encode("abc");
        InferenceRequest broken = engine.Submit(prompt, Constrained("xyqz"));
        InferenceRequest sound = engine.Submit(prompt, Constrained("xyzzy"));
        InferenceRequest free = engine.Submit(prompt, Engines.Limit(12));
        engine.Finish();
        List<GeneratedToken> tokens = [];
        var error = Assert.Throws<GrammarException>(() =>
        {
            foreach (GeneratedToken token in broken.Read())
                tokens.Add(token);
        });
        Assert.Contains("after 2 tokens", error.Message, StringComparison.Ordinal);
        Assert.Equal("xy", tokens.Text());
        Assert.Equal("xyzzy", sound.Tokens().Text());
        Assert.Equal(12, free.Tokens().Count);
        engine.MustBeUnused();

        static GenerationOptions Constrained(string text) =>
            new()
            {
                Grammar = Grammar.FromChoices([text]),
                Stop = new StopConditions { Tokens = ['q'] },
            };
    }

    internal static Grammar JsonGrammar()
    {
        using var schema = JsonDocument.Parse(Schema);
        return Grammar.FromJsonSchema(schema.RootElement);
    }

    private static void MustSatisfySchema(string text)
    {
        using var document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        Assert.Equal(["name", "age", "kind"], root.EnumerateObject().Select(p => p.Name));
        Assert.InRange(root.GetProperty("name").GetString()!.EnumerateRunes().Count(), 0, 10);
        Assert.InRange(root.GetProperty("age").GetInt32(), 0, 120);
        Assert.Contains(root.GetProperty("kind").GetString(), (string[])["king", "fool"]);
    }

    // Greedy and by chance; each ends by itself.
    private IEnumerable<string> Texts(Grammar grammar, string prompt)
    {
        for (int i = 0; i < 12; i++)
        {
            SamplingOptions sampling = new() { Temperature = i * 0.15f, Seed = (ulong)i };
            List<GeneratedToken> tokens = Tokens(
                grammar,
                prompt,
                options => options with { Sampling = sampling }
            );
            Assert.Equal(FinishReason.Stop, tokens[^1].FinishReason);
            Assert.Equal(_tokenizer.EosId, tokens[^1].Id);
            yield return tokens.Text();
        }
    }

    private List<GeneratedToken> Tokens(
        Grammar grammar,
        string prompt,
        Func<GenerationOptions, GenerationOptions> with
    )
    {
        using InferenceEngine engine = Engine();
        return Submit(engine, grammar, _tokenizer.Encode(prompt), with);
    }

    private static List<GeneratedToken> Submit(
        InferenceEngine engine,
        Grammar grammar,
        int[] prompt,
        Func<GenerationOptions, GenerationOptions> with
    )
    {
        var options = new GenerationOptions
        {
            Grammar = grammar,
            Stop = new StopConditions { MaxTokens = 400 },
        };
        InferenceRequest request = engine.Submit(prompt, with(options));
        engine.Finish();
        return request.Tokens();
    }

    private static SamplingOptions Biased(int token, float bias) =>
        new() { LogitBias = new Dictionary<int, float> { [token] = bias } };

    private InferenceEngine Engine(EngineOptions? options = null) =>
        Engines.Stepped(_model, _tokenizer, options: options);
}
