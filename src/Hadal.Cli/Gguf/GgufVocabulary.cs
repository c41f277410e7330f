using System.Globalization;
using Hadal.Checkpoints;

namespace Hadal.Cli.Gguf;

/// <summary>
/// A vocabulary for weights that know no language: every token has a text of its own, so that a program of any kind of
/// input can be given any tokens. The 256 bytes come first after the special tokens, then characters of private use.
/// </summary>
internal static class GgufVocabulary
{
    private const int Bytes = 256;

    /// <summary>The first of the two planes of private use; each ends in two that are no characters.</summary>
    private const int FirstCharacter = 0xf0000;
    private const int PlaneCharacters = 0xfffe;

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
        const int most = Bytes + 2 * PlaneCharacters;
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
                (int)Kind.Byte
            );
        (int plane, int character) = Math.DivRem(number - Bytes, PlaneCharacters);
        return (
            char.ConvertFromUtf32(FirstCharacter + plane * 0x10000 + character),
            (int)Kind.Normal
        );
    }
}
