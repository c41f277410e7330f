using System.Text;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

public sealed unsafe class NativeLibraryVersionTests
{
    [Fact]
    public void LibraryAndBindingsShareOneVersion()
    {
        NativeLibraryResolver.Install();
        var info = new hd_build_info { struct_size = (uint)sizeof(hd_build_info) };
        NativeStatus.ThrowIfFailed(NativeMethods.hd_get_build_info(&info));
        NativeLibraryResolver.Check(info);
    }

    [Theory]
    [InlineData("0.0.9", NativeMethods.HD_ABI_VERSION)]
    [InlineData(null, NativeMethods.HD_ABI_VERSION + 1)]
    public void ALibraryOfAnotherVersionIsRefused(string? version, uint abi)
    {
        version ??= NativeLibraryResolver.Version;
        hd_build_info library = Library(version, abi);
        var error = Assert.Throws<NativeLibraryException>(() =>
            NativeLibraryResolver.Check(library)
        );
        Assert.Contains(
            $"version {version} (commit c0ffee, ABI {abi})",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            $"version {NativeLibraryResolver.Version} (ABI {NativeMethods.HD_ABI_VERSION})",
            error.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void ALibraryOfAnotherHeaderIsRefused()
    {
        hd_build_info library = Library(
            NativeLibraryResolver.Version,
            NativeMethods.HD_ABI_VERSION,
            "beef"
        );
        var error = Assert.Throws<NativeLibraryException>(() =>
            NativeLibraryResolver.Check(library)
        );
        Assert.Contains(
            $"of SHA-256 beef; that of these bindings is {NativeMethods.HeaderSha256}",
            error.Message,
            StringComparison.Ordinal
        );
    }

    private static hd_build_info Library(string version, uint abi, string header = "")
    {
        var info = new hd_build_info { abi_version = abi };
        Encoding.UTF8.GetBytes(version, new Span<byte>(info.version, 31));
        "c0ffee"u8.CopyTo(new Span<byte>(info.commit, 47));
        Encoding.UTF8.GetBytes(header, new Span<byte>(info.header_sha256, 71));
        return info;
    }
}
