using System.CommandLine;

namespace Hadal.Cli.Arguments;

/// <summary>Which checkpoint a command works with.</summary>
internal sealed class ModelArguments
{
    private readonly Option<DirectoryInfo?> _model = new("--model", "-m")
    {
        Description =
            "The checkpoint's folder, in the Hugging Face layout; without it, the embedded model",
        HelpName = "folder",
    };

    public ModelArguments(Command command) => command.Add(_model);

    /// <summary>The folder.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public string Folder(ParseResult result)
    {
        if (result.GetValue(_model) is not { } folder)
            return EmbeddedModel.Find();
        return folder.Exists
            ? folder.FullName
            : throw new UsageException($"--model: there is no folder {folder.FullName}");
    }
}
