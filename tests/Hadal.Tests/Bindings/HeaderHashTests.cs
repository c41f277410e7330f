using System.Security.Cryptography;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

/// <summary>The committed bindings were made from the committed header.</summary>
public sealed class HeaderHashTests
{
    [Fact]
    public void BindingsAreOfThisHeader()
    {
        var header = File.ReadAllBytes(Path.Combine(Paths.Root, "native", "include", "hadal.h"));
        Assert.False(header.Contains((byte)'\r'), "hadal.h must have LF line endings.");
        var actual = Convert.ToHexStringLower(SHA256.HashData(header));
        Assert.True(
            actual == NativeMethods.HeaderSha256,
            $"native/include/hadal.h has SHA-256 {actual}, but the bindings were made from {NativeMethods.HeaderSha256}. "
                + "Regenerate them as bindings/Generator/README.md tells: dotnet run --project bindings/Generator -- "
                + "native/include/hadal.h bindings/Hadal.Bindings/Generated"
        );
    }

    [Fact]
    public void GeneratedFilesHaveUnixLineEndings()
    {
        var folder = Path.Combine(Paths.Root, "bindings", "Hadal.Bindings", "Generated");
        var files = Directory.GetFiles(folder, "*.cs");
        Assert.NotEmpty(files);
        Assert.All(
            files,
            file => Assert.DoesNotContain("\r", File.ReadAllText(file), StringComparison.Ordinal)
        );
    }
}
