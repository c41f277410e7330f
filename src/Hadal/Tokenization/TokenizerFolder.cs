using System.Text;
using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>The files of a checkpoint's folder that a tokenizer needs, each of bounded length.</summary>
internal sealed class TokenizerFolder(string path)
{
    private const string TemplateFile = "chat_template.jinja";
    private const string ModelConfigFile = "config.json";
    private const int MaxTokenizerLength = 1 << 26;
    private const int MaxTiktokenLength = 1 << 24;
    private const int MaxConfigLength = 1 << 22;

    // Other tokenizers, to be named where neither of those read is there.
    private static readonly string[] s_others = ["tokenizer.model", "tekken.json", "vocab.json"];

    /// <summary>Reads <c>tokenizer.json</c>, or where there is none <c>tiktoken.model</c>.</summary>
    /// <exception cref="TokenizerException">A file is missing, broken, or needs what is not supported.</exception>
    public TokenizerFile ReadTokenizer()
    {
        if (Has(TokenizerFile.File))
            return TokenizerFile.Parse(Read(TokenizerFile.File, MaxTokenizerLength));
        if (Has(TiktokenFile.File))
            return TiktokenFile.Parse(Read(TiktokenFile.File, MaxTiktokenLength), ReadConfig());
        string held = string.Join(", ", s_others.Where(Has));
        throw new TokenizerException(
            $"{Path.Combine(path, TokenizerFile.File)}: is missing, and so is {TiktokenFile.File}{(held == "" ? "" : $"; {held} is not supported")}; put the model's tokenizer.json there. transformers writes one: AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        );
    }

    public byte[] ReadConfig() => Read(TokenizerConfig.File, MaxConfigLength);

    /// <summary>The content of <c>chat_template.jinja</c>; null where there is none.</summary>
    public string? ReadTemplate()
    {
        if (!Has(TemplateFile))
            return null;
        byte[] content = Read(TemplateFile, MaxConfigLength);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content);
        }
        catch (DecoderFallbackException e)
        {
            throw new TokenizerException($"{TemplateFile}: is not UTF-8 text: {e.Message}", e);
        }
    }

    /// <summary>The <c>model_type</c> of <c>config.json</c>; null where there is none.</summary>
    public string? ReadModelType()
    {
        if (!Has(ModelConfigFile))
            return null;
        using JsonDocument document = TokenizerJson.Parse(
            Read(ModelConfigFile, MaxConfigLength),
            ModelConfigFile
        );
        JsonFields root = TokenizerJson.Fields(document.RootElement, ModelConfigFile);
        return root.Has("model_type") ? root.Text("model_type") : null;
    }

    private bool Has(string name) => File.Exists(Path.Combine(path, name));

    private byte[] Read(string name, int maxLength)
    {
        try
        {
            return SmallFile.Read(Path.Combine(path, name), maxLength);
        }
        catch (CheckpointException e)
        {
            throw new TokenizerException(e.Message, e);
        }
    }
}
