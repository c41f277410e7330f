using System.Text.Json;
using Json.Schema;

namespace Hadal.Tests.Server;

/// <summary>Tokens that are guessed ahead change no answer.</summary>
public sealed class DraftServerTests(DraftServers servers) : IClassFixture<DraftServers>
{
    private const string Chat = "/v1/chat/completions";

    /// <summary>A test draws until what it needs has come, which seldom takes more than a few seeds.</summary>
    private const int MostSeeds = 100;

    /// <summary>The end of the thought and the stop string come among tokens that were guessed.</summary>
    [Fact]
    public async Task Stop_and_end_of_thought_in_a_burst_of_drafts_leave_the_split_unharmed()
    {
        int accepted = await servers.AcceptedAsync();
        int split = 0;
        int stopped = 0;
        for (int seed = 0; seed < MostSeeds && (split == 0 || stopped == 0); seed++)
        {
            JsonElement message = await SameAsync(
                Chat,
                $$"""
                {"messages":[{"role":"user","content":"And it came to pass in those days, that"}],"thinking":true,"max_tokens":120,
                 "seed":{{seed}},"temperature":0.8,"stop":["the","LORD"],"logit_bias":{{Bias}}}
                """
            );
            JsonElement choice = message.GetProperty("choices")[0];
            string reasoning = choice
                .GetProperty("message")
                .TryGetProperty("reasoning_content", out JsonElement thought)
                ? thought.GetString()!
                : "";
            string content = choice.GetProperty("message").GetProperty("content").GetString()!;
            Assert.DoesNotContain("</think>", reasoning, StringComparison.Ordinal);
            Assert.DoesNotContain("the", content, StringComparison.Ordinal);
            Assert.DoesNotContain("LORD", content, StringComparison.Ordinal);
            split += content.Length > 0 && reasoning.Contains("the") ? 1 : 0;
            stopped += choice.GetProperty("finish_reason").GetString() == "stop" ? 1 : 0;
        }
        Assert.NotEqual(0, split);
        Assert.NotEqual(0, stopped);
        Assert.InRange(await servers.AcceptedAsync(), accepted + 1, int.MaxValue);
    }

    [Fact]
    public async Task Grammar_begins_after_the_thought()
    {
        const string schema =
            """{"type":"object","properties":{"day":{"enum":["monday","friday"]},"open":{"type":"boolean"}},"required":["day","open"],"additionalProperties":false}""";
        int accepted = await servers.AcceptedAsync();
        int ended = 0;
        for (int seed = 0; seed < MostSeeds && ended == 0; seed++)
        {
            JsonElement answer = await SameAsync(
                Chat,
                $$"""
                {"messages":[{"role":"user","content":"And it came to pass"}],"thinking":true,"max_tokens":150,"seed":{{seed}},
                 "temperature":0.8,"logit_bias":{{Bias}},
                 "response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{{schema}} } } }
                """
            );
            JsonElement choice = answer.GetProperty("choices")[0];
            JsonElement message = choice.GetProperty("message");
            // A thought that does not end has no answer after it.
            if (choice.GetProperty("finish_reason").GetString() != "stop")
                continue;
            ended += message.TryGetProperty("reasoning_content", out _) ? 1 : 0;
            using var json = JsonDocument.Parse(message.GetProperty("content").GetString()!);
            Assert.True(JsonSchema.FromText(schema).Evaluate(json.RootElement).IsValid);
        }
        Assert.NotEqual(0, ended);
        Assert.InRange(await servers.AcceptedAsync(), accepted + 1, int.MaxValue);
    }

    [Fact]
    public async Task Penalties_and_a_cached_prompt_give_the_same_tokens_and_log_probabilities()
    {
        const string prompt =
            "And it came to pass in those days, that there went out a decree from Caesar Augustus, that all the world should be taxed. And this taxing was first made when Cyrenius was governor of Syria. And all went to be taxed, every one into his own city. And";
        const string body = $$"""
            {"prompt":"{{prompt}}","n":2,"seed":4,"temperature":0.7,"repetition_penalty":1.05,"frequency_penalty":0.1,
             "presence_penalty":0.1,"logit_bias":{"14":1},"max_tokens":40,"logprobs":2,"ignore_eos":true}
            """;
        int accepted = await servers.AcceptedAsync();
        JsonElement cold = await SameAsync("/v1/completions", body);
        JsonElement warm = await SameAsync("/v1/completions", body);
        Assert.Equal(0, Cached(cold));
        Assert.InRange(Cached(warm), 64, int.MaxValue);
        Assert.Equal(Choices(cold), Choices(warm));
        Assert.InRange(await servers.AcceptedAsync(), accepted + 1, int.MaxValue);
    }

    /// <summary>The answer of the server without drafts, which the other must give, too.</summary>
    private async Task<JsonElement> SameAsync(string path, string body)
    {
        JsonElement plain = await servers.Plain.PostAsync(path, body);
        JsonElement drafting = await servers.Drafting.PostAsync(path, body);
        Assert.Equal(Choices(plain), Choices(drafting));
        Assert.Equal(
            plain.GetProperty("usage").GetRawText(),
            drafting.GetProperty("usage").GetRawText()
        );
        return plain;
    }

    /// <summary>Lets thoughts end after some words.</summary>
    private string Bias
    {
        get
        {
            Assert.True(servers.Plain.Engine.Tokenizer.TryGetAddedToken("</think>", out int end));
            return $$"""{"{{end}}":13}""";
        }
    }

    private static string Choices(JsonElement answer) => answer.GetProperty("choices").GetRawText();

    private static int Cached(JsonElement answer) =>
        answer
            .GetProperty("usage")
            .GetProperty("prompt_tokens_details")
            .GetProperty("cached_tokens")
            .GetInt32();
}
