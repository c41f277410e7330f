using System.Collections.Frozen;
using System.Security.Cryptography;

namespace Hadal.Server.Page;

/// <summary>A file of the page, which is a resource of the assembly.</summary>
/// <param name="ContentType">Its type.</param>
/// <param name="Content">Its bytes.</param>
/// <param name="Tag">Tells versions of it apart, quoted as HTTP has it.</param>
internal sealed record PageFile(string ContentType, byte[] Content, string Tag)
{
    /// <summary>What <c>/</c> is.</summary>
    public const string Index = "index.html";

    private const string Prefix = "page/";

    private static readonly FrozenDictionary<string, PageFile> s_files = typeof(PageFile)
        .Assembly.GetManifestResourceNames()
        .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToFrozenDictionary(static name => name[Prefix.Length..], Read);

    /// <summary>The names of all.</summary>
    public static IEnumerable<string> Names => s_files.Keys;

    /// <summary>Finds one; null where there is none.</summary>
    public static PageFile? Find(string name) => s_files.GetValueOrDefault(name);

    /// <summary>The bytes of a resource of the assembly.</summary>
    public static byte[] ReadResource(string name)
    {
        using Stream stream = typeof(PageFile).Assembly.GetManifestResourceStream(name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static PageFile Read(string name)
    {
        byte[] content = ReadResource(name);
        string type = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        return new PageFile(
            type,
            content,
            $"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..16]}\""
        );
    }
}
