using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hadal.Tokenization;

/// <summary>Reads the <c>pre_tokenizer</c> of a <c>tokenizer.json</c>: Split stages, then ByteLevel.</summary>
internal static class PreTokenizerFields
{
    private const string File = TokenizerFile.File;
    private const int MaxStages = 32;
    private const int MaxPatternLength = 10_000;

    public static SplitPreTokenizer Read(JsonElement root)
    {
        const string path = $"{File}.pre_tokenizer";
        JsonElement sequence = JsonFields.Get(root, "pre_tokenizer", JsonValueKind.Object, File);
        string type = JsonFields.GetString(sequence, "type", path);
        if (type != "Sequence")
            throw new TokenizerException(
                $"{path}.type: '{JsonFields.Cut(type)}' is not supported; it must be a Sequence of Split stages that ends with ByteLevel"
            );
        JsonElement stages = JsonFields.Get(sequence, "pretokenizers", JsonValueKind.Array, path);
        if (stages.GetArrayLength() > MaxStages)
            throw new TokenizerException(
                $"{path}.pretokenizers: has {stages.GetArrayLength()} stages, must have at most {MaxStages}"
            );
        var splits = new List<Regex>();
        int index = 0;
        int last = stages.GetArrayLength() - 1;
        foreach (JsonElement stage in stages.EnumerateArray())
        {
            string at = $"{path}.pretokenizers[{index}]";
            string stageType = JsonFields.GetString(stage, "type", at);
            bool mustBeByteLevel = index == last;
            if (stageType != (mustBeByteLevel ? "ByteLevel" : "Split"))
                throw new TokenizerException(
                    $"{at}.type: '{JsonFields.Cut(stageType)}' is not supported here; it must be {(mustBeByteLevel ? "ByteLevel" : "Split")}"
                );
            if (mustBeByteLevel)
                CheckByteLevelStage(stage, at);
            else
                splits.Add(ReadSplit(stage, at));
            index++;
        }
        if (splits.Count == 0)
            throw new TokenizerException($"{path}.pretokenizers: must hold a Split stage");
        return new SplitPreTokenizer(splits);
    }

    private static void CheckByteLevelStage(JsonElement stage, string path)
    {
        foreach (string name in (string[])["add_prefix_space", "use_regex"])
        {
            // The format's default for both is true, so an absent field is refused like a true one.
            if (JsonFields.GetOptional(stage, name, path)?.ValueKind != JsonValueKind.False)
                throw new TokenizerException($"{path}.{name}: must be false");
        }
    }

    private static Regex ReadSplit(JsonElement stage, string path)
    {
        string behavior = JsonFields.GetString(stage, "behavior", path);
        if (behavior != "Isolated" || JsonFields.GetFlag(stage, "invert", path))
            throw new TokenizerException(
                $"{path}: behavior '{JsonFields.Cut(behavior)}' must be Isolated, and invert false"
            );
        JsonElement pattern = JsonFields.Get(stage, "pattern", JsonValueKind.Object, path);
        string regex = JsonFields.GetString(pattern, "Regex", $"{path}.pattern");
        if (regex.Length > MaxPatternLength)
            throw new TokenizerException(
                $"{path}.pattern.Regex: has {regex.Length} characters, must have at most {MaxPatternLength}"
            );
        if (regex.Any(char.IsSurrogate))
            throw new TokenizerException(
                $"{path}.pattern.Regex: characters beyond U+FFFF are not supported in a pattern"
            );
        try
        {
            return new Regex(regex, RegexOptions.CultureInvariant, PatternBudget.MatchLimit);
        }
        catch (RegexParseException e)
        {
            throw new TokenizerException(
                $"{path}.pattern.Regex: '{JsonFields.Cut(regex)}' is not a pattern: {e.Error} at character {e.Offset}",
                e
            );
        }
    }
}
