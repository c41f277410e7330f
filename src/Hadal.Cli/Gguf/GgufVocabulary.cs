using System.Globalization;
using Hadal.Checkpoints;
using Hadal.Cli.Synthesis;

namespace Hadal.Cli.Gguf;

/// <summary>
/// A vocabulary for weights that know no language: every token has a text of its own, so that a program of any kind of
/// input can be given any tokens. The 256 bytes come first after the special tokens, then characters of private use.
/// </summary>
internal static class GgufVocabulary
{
    private const int Bytes = 256;

    /// <summary>
    /// Bytes above are written by their names, so that all texts are UTF-8; programs find them by the names in any case.
    /// </summary>
    private const int MaxAscii = 0x7F;

    /// <summary>The format's numbers of the kinds of tokens.</summary>
    private enum Kind
    {
        Normal = 1,
        Control = 3,
        Byte = 6,
    }

    /// <exception cref="CheckpointException">The vocabulary has too few or too many tokens.</exception>
    public static void AddTo(GgufMetadata metadata, DeepSeekConfig config)
    {
        int begin = config.BosTokenId ?? 0;
        int end = config.EosTokenIds is [int first, ..] ? first : 1;
        int special = begin == end ? 1 : 2;
        const int most = Bytes + PrivateCharacters.Count;
        if (config.VocabSize < special + Bytes || config.VocabSize > special + most)
            throw new CheckpointException(
                $"config.json: vocab_size is {config.VocabSize}; for a GGUF file it must be {special + Bytes} to {special + most}"
            );
        var texts = new string[config.VocabSize];
        var kinds = new int[config.VocabSize];
        int count = 0;
        for (int id = 0; id < texts.Length; id++)
            (texts[id], kinds[id]) =
                id == begin ? ("<s>", (int)Kind.Control)
                : id == end ? ("</s>", (int)Kind.Control)
                : Plain(count++);
        metadata.Add("tokenizer.ggml.model", "llama");
        metadata.Add("tokenizer.ggml.tokens", texts);
        metadata.Add("tokenizer.ggml.scores", new float[texts.Length]);
        metadata.Add("tokenizer.ggml.token_type", kinds);
        metadata.Add("tokenizer.ggml.bos_token_id", begin);
        metadata.Add("tokenizer.ggml.eos_token_id", end);
        metadata.Add("tokenizer.ggml.unknown_token_id", end);
        metadata.Add("tokenizer.ggml.add_bos_token", false);
        metadata.Add("tokenizer.ggml.add_space_prefix", false);
    }

    private static (string Text, int Kind) Plain(int number)
    {
        if (number < Bytes)
            return (
                string.Create(CultureInfo.InvariantCulture, $"<0x{number:X2}>"),
                (int)(number <= MaxAscii ? Kind.Byte : Kind.Normal)
            );
        return (PrivateCharacters.Of(number - Bytes), (int)Kind.Normal);
    }
}
