using System.CommandLine;
using Hadal.Tokenization;

namespace Hadal.Cli.Arguments;

/// <summary>Whether a text begins with the token for that.</summary>
internal sealed class BosArguments
{
    private readonly Option<bool> _bos = new("--bos")
    {
        Description = "Begins the text with the token for that, whatever the tokenizer's files say",
    };
    private readonly Option<bool> _noBos = new("--no-bos")
    {
        Description = "Leaves out the token that begins a text",
    };

    public BosArguments(Command command)
    {
        command.Add(_bos);
        command.Add(_noBos);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_bos) && result.GetValue(_noBos))
                result.AddError("--bos and --no-bos are both given; give one");
        });
    }

    /// <summary>Whether the command line leaves it to the tokenizer's files.</summary>
    public bool IsOpen(ParseResult result) => !result.GetValue(_bos) && !result.GetValue(_noBos);

    /// <summary>The ids of a text; a BOS that is there is not doubled.</summary>
    public int[] Encode(
        ParseResult result,
        DeepSeekTokenizer tokenizer,
        string text,
        CancellationToken cancellationToken,
        bool parseSpecialTokens = false
    )
    {
        int[] ids = tokenizer.Encode(
            text,
            addSpecialTokens: !result.GetValue(_noBos),
            parseSpecialTokens,
            cancellationToken
        );
        if (!result.GetValue(_bos))
            return ids;
        int bos =
            tokenizer.BosId
            ?? throw new UsageException(
                "--bos: tokenizer_config.json names no bos_token; leave --bos out"
            );
        return ids.Length > 0 && ids[0] == bos ? ids : [bos, .. ids];
    }
}
