namespace Hadal.Cli;

/// <summary>Finds the small trained model that comes with the tool or lies in its repository.</summary>
internal static class EmbeddedModel
{
    private const string Name = "kjv-shakespeare-v32";

    /// <summary>Its folder.</summary>
    /// <exception cref="UsageException">It is neither beside the tool nor in a folder above it.</exception>
    public static string Find()
    {
        string beside = Path.Combine(AppContext.BaseDirectory, "models", Name);
        if (Directory.Exists(beside))
            return beside;
        for (
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            folder is not null;
            folder = folder.Parent
        )
        {
            string inRepository = Path.Combine(folder.FullName, "tests", "models", Name);
            if (Directory.Exists(inRepository))
                return inRepository;
        }
        throw new UsageException(
            $"--model is missing, and the embedded model is neither at {beside} nor in a repository above the tool"
        );
    }
}
