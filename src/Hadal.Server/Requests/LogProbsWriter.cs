using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Generation;
using Hadal.Tokenization;

namespace Hadal.Server.Requests;

/// <summary>Writes log-probabilities.</summary>
/// <param name="tokenizer">Tells the texts of tokens.</param>
internal sealed class LogProbsWriter(DeepSeekTokenizer tokenizer)
{
    // JSON has no −∞, which a token has that can't come at all.
    private const float Least = -9999;

    /// <summary>Writes the field <c>logprobs</c> of a choice of a chat.</summary>
    public void WriteChat(Utf8JsonWriter json, IReadOnlyList<TokenLogProbs> tokens)
    {
        json.WriteStartObject("logprobs");
        WriteTokens(json, "content", tokens);
        json.WriteNull("refusal");
        json.WriteEndObject();
    }

    /// <summary>Writes a field that has each token with the most probable ones in its place.</summary>
    public void WriteTokens(Utf8JsonWriter json, string field, IReadOnlyList<TokenLogProbs> tokens)
    {
        json.WriteStartArray(field);
        foreach (TokenLogProbs token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, token.Token);
            json.WriteStartArray("top_logprobs");
            foreach (TokenLogProb top in token.Top)
            {
                json.WriteStartObject();
                WriteToken(json, top);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Whether an update's token only ends its answer, of which it is no part then.</summary>
    public bool IsEnd(AnswerUpdate update) =>
        update.Finish is AnswerFinish.Stop or AnswerFinish.ToolCalls
        && update.TokenId >= 0
        && tokenizer.IsSpecial(update.TokenId);

    /// <summary>Writes the field <c>logprobs</c> of a text.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="tokens">The tokens; the first of a prompt has no log-probability.</param>
    /// <param name="offset">Code points of the text before them.</param>
    /// <param name="hasTop">Whether the most probable tokens are wanted.</param>
    /// <returns>Code points of the text with them.</returns>
    public int WriteText(
        Utf8JsonWriter json,
        IReadOnlyList<(int Id, TokenLogProbs? LogProbs)> tokens,
        int offset,
        bool hasTop
    )
    {
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach ((int id, _) in tokens)
            json.WriteStringValue(Text(id));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach ((_, TokenLogProbs? logProbs) in tokens)
        {
            if (logProbs is null)
                json.WriteNullValue();
            else
                json.WriteNumberValue(Finite(logProbs.Token.LogProb));
        }
        json.WriteEndArray();
        if (hasTop)
            WriteTop(json, tokens);
        else
            json.WriteNull("top_logprobs");
        json.WriteStartArray("text_offset");
        foreach ((int id, _) in tokens)
        {
            json.WriteNumberValue(offset);
            if (!tokenizer.IsSpecial(id))
                offset += CodePoints(tokenizer.GetBytes(id));
        }
        json.WriteEndArray();
        json.WriteEndObject();
        return offset;
    }

    /// <summary>The text of a token; of one that is a part of a character its bytes as <c>bytes:\xe4</c>.</summary>
    public string Text(int id)
    {
        ReadOnlySpan<byte> bytes = tokenizer.GetBytes(id);
        if (System.Text.Unicode.Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder("bytes:");
        foreach (byte one in bytes)
            text.Append("\\x").Append(Convert.ToHexStringLower([one]));
        return text.ToString();
    }

    /// <summary>A log-probability as JSON has it.</summary>
    public static float Finite(float logProb) => Math.Max(logProb, Least);

    private void WriteTop(
        Utf8JsonWriter json,
        IReadOnlyList<(int Id, TokenLogProbs? LogProbs)> tokens
    )
    {
        json.WriteStartArray("top_logprobs");
        foreach ((_, TokenLogProbs? logProbs) in tokens)
        {
            if (logProbs is null)
            {
                json.WriteNullValue();
                continue;
            }
            json.WriteStartObject();
            // Several tokens may have one text: the most probable of them comes first.
            foreach (TokenLogProb top in logProbs.Top.DistinctBy(top => Text(top.Id)))
                json.WriteNumber(Text(top.Id), Finite(top.LogProb));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // A character begins with each byte that does not go on with one.
    private static int CodePoints(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        foreach (byte one in bytes)
        {
            if ((one & 0xc0) != 0x80)
                count++;
        }
        return count;
    }

    private void WriteToken(Utf8JsonWriter json, TokenLogProb token)
    {
        json.WriteString("token", Text(token.Id));
        json.WriteNumber("logprob", Finite(token.LogProb));
        json.WriteStartArray("bytes");
        foreach (byte one in tokenizer.GetBytes(token.Id))
            json.WriteNumberValue(one);
        json.WriteEndArray();
    }
}
