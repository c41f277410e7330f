using System.Text.RegularExpressions;
using Xunit;

namespace Hadal.Tests;

/// <summary>The folders of the library use each other in one direction.</summary>
public sealed partial class FolderTests
{
    private const string Root = "Hadal";

    /// <summary>Lower ones first; each uses only those before it. The root is below all, as all see its namespace.</summary>
    private static readonly string[] s_order =
    [
        Root,
        "Json",
        "Tensors",
        "Checkpoints",
        "Tokenization",
        "Chat",
        "Grammars",
        "Caching",
        "Model",
        "Generation",
        "Inference",
        "Answering",
    ];

    private static readonly string s_source = Path.Combine(Paths.Root, "src", "Hadal");

    [Fact]
    public void A_folder_uses_only_those_below_it()
    {
        var upward = new List<string>();
        int uses = 0;
        foreach (string file in Sources())
        {
            int own = Rank(FolderOf(file));
            foreach (Match line in Using().Matches(File.ReadAllText(file)))
            {
                string used = line.Groups["folder"].Value;
                // Bindings are another project, and the root's namespace needs no using.
                if (used is "Bindings" or "")
                    continue;
                uses++;
                if (Rank(used) >= own)
                    upward.Add($"{Path.GetRelativePath(s_source, file)} uses {used}");
            }
        }
        Assert.Empty(upward);
        Assert.InRange(uses, 50, int.MaxValue);
    }

    [Fact]
    public void A_file_is_in_the_namespace_of_its_folder()
    {
        foreach (string file in Sources())
        {
            string folder = FolderOf(file);
            string name = folder == Root ? Root : $"{Root}.{folder}";
            Assert.Contains($"namespace {name};", File.ReadAllText(file), StringComparison.Ordinal);
        }
    }

    /// <summary>Names that reach into another folder without a using would escape the check above.</summary>
    [Fact]
    public void No_name_is_qualified_by_a_folder()
    {
        foreach (string file in Sources())
        {
            foreach (Match name in Qualified().Matches(File.ReadAllText(file)))
                Assert.Fail($"{file}: {name.Value}: add a using instead");
        }
    }

    private static IEnumerable<string> Sources() =>
        Directory
            .EnumerateFiles(s_source, "*.cs", SearchOption.AllDirectories)
            .Where(static file => FolderOf(file) is not ("bin" or "obj"));

    private static string FolderOf(string file)
    {
        string relative = Path.GetRelativePath(s_source, file);
        int end = relative.IndexOf(Path.DirectorySeparatorChar, StringComparison.Ordinal);
        return end < 0 ? Root : relative[..end];
    }

    private static int Rank(string folder)
    {
        int rank = Array.IndexOf(s_order, folder);
        Assert.True(rank >= 0, $"The folder {folder} has no place in the order of folders");
        return rank;
    }

    [GeneratedRegex(
        @"^using (static |\w+ = )?Hadal(\.(?<folder>\w+))?[\w.]*;",
        RegexOptions.Multiline
    )]
    private static partial Regex Using();

    [GeneratedRegex(
        @"^(?!using |namespace ).*\bHadal\.(Json|Tensors|Checkpoints|Tokenization|Caching|Model|Generation|Inference|Answering)\b",
        RegexOptions.Multiline
    )]
    private static partial Regex Qualified();
}
