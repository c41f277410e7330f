namespace Hadal.PackageTests;

public sealed class ReadmeTests
{
    public static TheoryData<string> Samples { get; } =
    [.. Directory.GetFiles(Repository.Samples).Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Samples))]
    public void The_readme_shows_what_is_compiled(string sample) =>
        Assert.Contains(
            File.ReadAllText(Path.Combine(Repository.Samples, sample)),
            File.ReadAllText(Path.Combine(Repository.Root, "README.md")),
            StringComparison.Ordinal
        );
}
