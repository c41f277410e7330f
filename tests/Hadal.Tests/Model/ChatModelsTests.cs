using Hadal.Chat;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tokenization;

namespace Hadal.Tests.Model;

/// <summary>The models of <see cref="ChatModels"/> are what tests of chats want.</summary>
public sealed class ChatModelsTests(ChatModels models) : IClassFixture<ChatModels>
{
    [Theory]
    [InlineData(ChatFormat.V32, "｜DSML｜", "<think>", "</think>", "<｜User｜>", "<｜Assistant｜>")]
    [InlineData(
        ChatFormat.V31,
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁output▁end｜>",
        "<think>",
        "</think>"
    )]
    public void They_load_chat_and_draft(ChatFormat format, params string[] marks)
    {
        string folder = format == ChatFormat.V32 ? models.V32 : models.V31;
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(folder);
        var template = ChatTemplate.For(tokenizer);
        Assert.Equal(format, template.Format);
        foreach (string mark in marks)
        {
            Assert.True(tokenizer.TryGetAddedToken(mark, out int id));
            Assert.Equal(
                [id],
                tokenizer.Encode(mark, addSpecialTokens: false, parseSpecialTokens: true)
            );
            Assert.False(tokenizer.IsSpecial(id));
        }
        Assert.InRange(tokenizer.VocabularySize, 2049, ChatModels.VocabularySize - 1);

        using DeepSeekModel model = ChatModels.Load(folder);
        Assert.Equal(ChatModels.ContextTokens, model.MaxContextTokens);
        ReadOnlyMemory<int> prompt = template
            .Encode(tokenizer, new() { Turns = [ChatTurn.User("Who's there?")], Thinking = true })
            .Ids;
        Assert.Equal(Generate(0), Generate(2));

        int[] Generate(int drafts)
        {
            using InferenceEngine engine = Engines.Stepped(
                model,
                tokenizer,
                ChatModels.ContextTokens,
                new EngineOptions { Drafts = drafts }
            );
            Assert.Equal(ChatModels.ContextTokens, engine.MaxTokens);
            InferenceRequest request = engine.Submit(prompt.Span, Engines.Limit(20));
            engine.Finish();
            int[] ids = request.Tokens().Ids();
            Assert.Equal(20, ids.Length);
            return ids;
        }
    }
}
