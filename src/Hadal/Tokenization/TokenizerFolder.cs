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
    private const int MaxConfigLength = 1 << 22;

    public byte[] ReadTokenizer() => Read(TokenizerFile.File, MaxTokenizerLength);

    public byte[] ReadConfig() => Read(TokenizerConfig.File, MaxConfigLength);

    /// <summary>The content of <c>chat_template.jinja</c>; null where there is none.</summary>
    public string? ReadTemplate()
    {
        if (!File.Exists(Path.Combine(path, TemplateFile)))
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
        if (!File.Exists(Path.Combine(path, ModelConfigFile)))
            return null;
        using JsonDocument document = TokenizerJson.Parse(
            Read(ModelConfigFile, MaxConfigLength),
            ModelConfigFile
        );
        JsonFields root = TokenizerJson.Fields(document.RootElement, ModelConfigFile);
        return root.Has("model_type") ? root.Text("model_type") : null;
    }

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
