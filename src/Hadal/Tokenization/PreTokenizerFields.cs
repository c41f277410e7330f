using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>Reads the <c>pre_tokenizer</c> of a <c>tokenizer.json</c>: Split stages, then ByteLevel.</summary>
internal static class PreTokenizerFields
{
    private const string File = TokenizerFile.File;
    private const int MaxStages = 32;
    private const int MaxPatternLength = 10_000;

    public static SplitPreTokenizer Read(JsonFields root)
    {
        const string path = $"{File}.pre_tokenizer";
        JsonFields sequence = root.Object("pre_tokenizer");
        string type = sequence.Text("type");
        if (type != "Sequence")
            throw new TokenizerException(
                $"{path}.type: '{QuotedText.Shorten(type)}' is not supported; it must be a Sequence of Split stages that ends with ByteLevel"
            );
        JsonElement stages = sequence.Array("pretokenizers");
        if (stages.GetArrayLength() > MaxStages)
            throw new TokenizerException(
                $"{path}.pretokenizers: has {stages.GetArrayLength()} stages, must have at most {MaxStages}"
            );
        var splits = new List<Regex>();
        int index = 0;
        int last = stages.GetArrayLength() - 1;
        foreach (JsonElement element in stages.EnumerateArray())
        {
            JsonFields stage = TokenizerJson.Fields(element, $"{path}.pretokenizers[{index}]");
            string stageType = stage.Text("type");
            bool mustBeByteLevel = index == last;
            if (stageType != (mustBeByteLevel ? "ByteLevel" : "Split"))
                throw new TokenizerException(
                    $"{stage.Path}.type: '{QuotedText.Shorten(stageType)}' is not supported here; it must be {(mustBeByteLevel ? "ByteLevel" : "Split")}"
                );
            if (mustBeByteLevel)
                CheckByteLevelStage(stage);
            else
                splits.Add(ReadSplit(stage));
            index++;
        }
        if (splits.Count == 0)
            throw new TokenizerException($"{path}.pretokenizers: must hold a Split stage");
        return new SplitPreTokenizer(splits, splits.Contains(MoonshotPattern.Pattern));
    }

    private static void CheckByteLevelStage(JsonFields stage)
    {
        foreach (string name in (string[])["add_prefix_space", "use_regex"])
        {
            // The format's default for both is true, so an absent field is refused like a true one.
            if (stage.Optional(name)?.ValueKind != JsonValueKind.False)
                throw new TokenizerException($"{stage.Path}.{name}: must be false");
        }
    }

    private static Regex ReadSplit(JsonFields stage)
    {
        string behavior = stage.Text("behavior");
        if (behavior != "Isolated" || stage.IsTrue("invert"))
            throw new TokenizerException(
                $"{stage.Path}: behavior '{QuotedText.Shorten(behavior)}' must be Isolated, and invert false"
            );
        string path = $"{stage.Path}.pattern.Regex";
        string regex = stage.Object("pattern").Text("Regex");
        if (regex.Length > MaxPatternLength)
            throw new TokenizerException(
                $"{path}: has {regex.Length} characters, must have at most {MaxPatternLength}"
            );
        if (regex.Any(char.IsSurrogate))
            throw new TokenizerException(
                $"{path}: characters beyond U+FFFF are not supported in a pattern"
            );
        if (regex == MoonshotPattern.Published)
            return MoonshotPattern.Pattern;
        if (PatternDialect.HasNestedClass(regex))
            throw new TokenizerException(
                $"{path}: '{QuotedText.Shorten(regex)}' has a class within a class, or &&, which .NET reads otherwise; of such patterns only that of Moonlight and Kimi K2 is supported"
            );
        try
        {
            return PatternDialect.Compile(regex);
        }
        catch (RegexParseException e)
        {
            throw new TokenizerException(
                $"{path}: '{QuotedText.Shorten(regex)}' is not a pattern: {e.Error} at character {e.Offset}",
                e
            );
        }
    }
}
