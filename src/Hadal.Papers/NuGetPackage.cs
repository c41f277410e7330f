using System.Xml.Linq;

namespace Hadal.Papers;

/// <summary>A package of NuGet's cache, ROOT/id/version, as a component.</summary>
internal static class NuGetPackage
{
    private const string Mit = """
        Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
        documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
        rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
        persons to whom the Software is furnished to do so, subject to the following conditions:

        The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
        Software.

        THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
        WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
        COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
        OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
        """;

    public static Component Read(string folder)
    {
        XElement metadata = XDocument
            .Load(Directory.GetFiles(folder, "*.nuspec").Single())
            .Root!.Elements()
            .Single(element => element.Name.LocalName == "metadata");
        string id = Value("id")!;
        string version = Value("version")!;
        string license =
            Value("license", element => element.Attribute("type")?.Value == "expression")
            ?? throw new PapersException(
                $"{id} {version} says no licence expression: read its licence, and teach {nameof(NuGetPackage)} to"
            );
        string[] texts =
        [
            .. Directory
                .GetFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => IsNotice(Path.GetFileNameWithoutExtension(file)))
                .Order(StringComparer.Ordinal)
                .Select(file =>
                    File.ReadAllText(file).ReplaceLineEndings("\n").Trim('\uFEFF', '\n')
                ),
        ];
        string copyright = Value("copyright") ?? $"Copyright (c) {Value("authors")}";
        string notice = (license, texts) switch
        {
            (_, { Length: > 0 }) => string.Join("\n\n", texts.Prepend(copyright)),
            ("MIT", _) => $"{copyright}\n\n{Mit}",
            _ => throw new PapersException(
                $"{id} {version} has no file with the text of its licence, {license}: teach {nameof(NuGetPackage)} it"
            ),
        };
        string url = Value("projectUrl") ?? $"https://www.nuget.org/packages/{id}";
        return new(id, version, license, url, $"pkg:nuget/{id}@{version}", notice);

        string? Value(string name, Func<XElement, bool>? where = null) =>
            metadata
                .Elements()
                .SingleOrDefault(element =>
                    element.Name.LocalName == name && (where is null || where(element))
                )
                ?.Value;
    }

    private static bool IsNotice(string name) =>
        name.StartsWith("license", StringComparison.OrdinalIgnoreCase)
        || name.Equals("notices", StringComparison.OrdinalIgnoreCase)
        || name.Replace("-", "", StringComparison.Ordinal)
            .Equals("thirdpartynotices", StringComparison.OrdinalIgnoreCase);
}
