using System.Text;

namespace Hadal;

/// <summary>Tells what downloads leave in the place of a file.</summary>
internal static class StandIn
{
    /// <summary>What content is that can't be the file's own, and what to do; null where it is nothing known.</summary>
    /// <param name="start">The file's first bytes.</param>
    public static string? Describe(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8))
            return "is a Git LFS pointer, not the file that it points to: run 'git lfs pull' in the folder, or download the file from the hub";
        ReadOnlySpan<byte> text = start.TrimStart("\uFEFF \t\r\n"u8);
        if (Begins(text, "<!doctype"u8) || Begins(text, "<html"u8) || Begins(text, "<?xml"u8))
            return "is a web page (HTML or XML), not the file: download it again, signed in where the model asks for it";
        return null;
    }

    private static bool Begins(ReadOnlySpan<byte> text, ReadOnlySpan<byte> tag) =>
        text.Length >= tag.Length && Ascii.EqualsIgnoreCase(text[..tag.Length], tag);
}
