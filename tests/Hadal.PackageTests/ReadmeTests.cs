namespace Hadal.PackageTests;

public sealed class ReadmeTests
{
    public static TheoryData<string> Samples { get; } =
    [.. Directory.GetFiles(Repository.Samples).Select(file => Path.GetFileName(file))];

    private static readonly string[] s_readmes = ["README.md", "src/Hadal.Server/README.md"];

    [Theory]
    [MemberData(nameof(Samples))]
    public void A_readme_shows_what_is_compiled(string sample)
    {
        string program = File.ReadAllText(Path.Combine(Repository.Samples, sample));
        Assert.Contains(
            s_readmes,
            readme =>
                File.ReadAllText(Path.Combine(Repository.Root, readme))
                    .Contains(program, StringComparison.Ordinal)
        );
    }
}
