using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Hadal.Server.Page;

/// <summary>
/// The view of what attention chose as one file, which asks for nothing and runs nothing but its own script: the page's own styles
/// and view, with the data in it.
/// </summary>
internal static class TracePage
{
    private static readonly string[] s_styles = ["page/theme.css", "page/selection.css"];

    // In the order of their imports, whose lines are left out: all stand in one script.
    private static readonly string[] s_scripts = ["page/selection.js", "trace/trace.js"];

    // Escapes what could end an element, such as </script>.
    private static readonly JsonWriterOptions s_json = new()
    {
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    };

    /// <summary>Makes the file.</summary>
    /// <param name="write">Writes the fields of the data.</param>
    public static byte[] Make(Action<Utf8JsonWriter> write)
    {
        string style = string.Concat(s_styles.Select(Text));
        string script = string.Concat(s_scripts.Select(Text).Select(WithoutImports));
        using var data = new MemoryStream();
        using (var json = new Utf8JsonWriter(data, s_json))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        string policy =
            $"default-src 'none'; script-src '{HashOf(script)}'; style-src '{HashOf(style)}'";
        string page = Text("trace/trace.html")
            .Replace(
                "<!--head-->",
                $"<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\" /><style>{style}</style>",
                StringComparison.Ordinal
            )
            .Replace(
                "<!--foot-->",
                $"<script id=\"data\" type=\"application/json\">{Encoding.UTF8.GetString(data.ToArray())}</script><script type=\"module\">{script}</script>",
                StringComparison.Ordinal
            );
        return Encoding.UTF8.GetBytes(page);
    }

    private static string Text(string resource) =>
        Encoding.UTF8.GetString(PageFile.ReadResource(resource));

    private static string WithoutImports(string script) =>
        string.Concat(
            script
                .Split('\n')
                .Where(static line => !line.StartsWith("import ", StringComparison.Ordinal))
                .Select(static line => $"{line}\n")
        );

    private static string HashOf(string text) =>
        $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
}
