using System.CommandLine;
using Hadal.Chat;
using Hadal.Tokenization;

namespace Hadal.Cli.Arguments;

/// <summary>Which chat format prompts are in.</summary>
internal sealed class ChatFormatArgument
{
    private readonly Option<string> _format = new("--chat-format")
    {
        Description =
            "The prompts' format: v3, v31 (V3.1 and V3.2-Exp) or v32; without it, the checkpoint's own",
        HelpName = "format",
    };

    public ChatFormatArgument(Command command)
    {
        _format.MustBeOneOf("v3", "v31", "v32");
        command.Add(_format);
    }

    /// <summary>The format that the command line names; null where it names none.</summary>
    public ChatTemplate? Named(ParseResult result) =>
        result.GetValue(_format) switch
        {
            "v3" => new ChatTemplate(ChatFormat.V3),
            "v31" => new ChatTemplate(ChatFormat.V31),
            "v32" => new ChatTemplate(ChatFormat.V32),
            _ => null,
        };

    /// <summary>The format that the command line names, or else the checkpoint's own.</summary>
    /// <exception cref="TokenizerException">The checkpoint's own is not known.</exception>
    public ChatTemplate Template(ParseResult result, DeepSeekTokenizer tokenizer) =>
        Named(result) ?? ChatTemplate.For(tokenizer);
}
