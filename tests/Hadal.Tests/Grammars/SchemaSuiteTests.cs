using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Grammars;

namespace Hadal.Tests.Grammars;

/// <summary>
/// The cases of drafts 3 and 4 of the JSON Schema Test Suite (json-schema-test-suite of npm), and own cases of newer keywords, which
/// JsonSchema.Net judges.
/// </summary>
public sealed partial class SchemaSuiteTests(ITestOutputHelper output)
{
    private const string Package = "json-schema-test-suite@0.0.10";

    private static readonly string s_folder = Path.Combine(Paths.Root, "out", "npm");

    // Cases that grammars judge otherwise, or files and groups of them, and why.
    private static readonly (string Name, string Reason)[] s_exceptions =
    [
        (
            "draft3/optional/format.json: validation of regular expressions: ",
            "the format regex is an annotation"
        ),
        (
            "draft3/optional/format.json: validation of time strings: a valid time string",
            "a time without zone, which RFC 3339 and newer drafts don't have"
        ),
        ("draft3/optional/format.json: validation of URIs: ", "uri is an annotation"),
        ("draft4/optional/format.json: validation of URIs: ", "uri is an annotation"),
        (
            "draft3/optional/format.json: validation of IP addresses: ",
            "ip-address, which newer drafts name ipv4, is an annotation"
        ),
        ("draft3/optional/format.json: validation of host names: ", "an annotation"),
        ("draft4/optional/format.json: validation of host names: ", "an annotation"),
        ("draft3/optional/format.json: validation of CSS colors: ", "color is an annotation"),
        (
            "draft3/optional/jsregex.json: ECMA 262 regex dialect recognition: ECMA 262 has no",
            "the format regex is an annotation"
        ),
        ("draft4/oneOf.json: oneOf: both oneOf valid", "oneOf is taken as anyOf"),
        ("draft4/oneOf.json: oneOf with base schema: both oneOf valid", "oneOf is taken as anyOf"),
    ];

    // What schemas are refused for.
    private static readonly (string Keyword, string Reason)[] s_refused =
    [
        ("patternProperties", "not supported"),
        ("dependencies", "not supported"),
        ("minProperties", "not supported"),
        ("maxProperties", "not supported"),
        ("multipleOf", "not supported"),
        ("uniqueItems", "not supported"),
        ("not", "not supported"),
        ("disallow", "not supported; of draft 3"),
        ("divisibleBy", "not supported; of draft 3"),
        ("extends", "not supported; of draft 3"),
        ("required", "a truth value in draft 3"),
        ("type", "any and schemas in draft 3"),
        ("$ref", "to other schemas"),
    ];

    [Fact]
    public void Drafts_3_and_4_of_the_suite()
    {
        string tests = Path.Combine(s_folder, "node_modules", "json-schema-test-suite", "tests");
        if (!Directory.Exists(tests))
            Install();
        var counts = new Counts(0, 0, 0, 0);
        foreach (string draft in (string[])["draft3", "draft4"])
        {
            string folder = Path.Combine(tests, draft);
            foreach (
                string file in Directory
                    .EnumerateFiles(folder, "*.json", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal)
            )
            {
                string name = Path.GetRelativePath(folder, file).Replace('\\', '/');
                foreach (JsonElement group in Groups(file))
                    Judge($"{draft}/{name}", group, counts);
            }
        }
        output.WriteLine($"{counts}");
        Assert.Equal(new Counts(124, 383, 55, 20), counts);
    }

    [Fact]
    public void Newer_keywords()
    {
        string file = Path.Combine(
            Paths.Root,
            "tests",
            "Hadal.Tests",
            "Grammars",
            "NewerKeywords.json"
        );
        var counts = new Counts(0, 0, 0, 0);
        foreach (JsonElement group in Groups(file))
        {
            var oracle = new JsonOracle(group.GetProperty("schema"));
            foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
                Assert.True(
                    oracle.Allows(test.GetProperty("data"))
                        == test.GetProperty("valid").GetBoolean(),
                    $"{group.GetProperty("description")}: {test}"
                );
            Judge("newer", group, counts);
        }
        Assert.Equal(new Counts(82, 408, 0, 0), counts);
    }

    private static JsonElement.ArrayEnumerator Groups(string file) =>
        TestSchemas.Parse(File.ReadAllText(file)).EnumerateArray();

    private static void Judge(string file, JsonElement group, Counts counts)
    {
        string name = $"{file}: {group.GetProperty("description")}";
        JsonElement schema = group.GetProperty("schema");
        Grammar grammar;
        try
        {
            grammar = Grammar.FromJsonSchema(schema);
        }
        catch (GrammarException e)
        {
            string keyword = Keyword().Match(e.Message).Groups[1].Value;
            Assert.True(s_refused.Any(it => it.Keyword == keyword), $"{name}: {e.Message}");
            counts.Refused++;
            return;
        }
        counts.Groups++;
        List<string> names = CompactText.Names(schema);
        foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
        {
            string instance = $"{name}: {test.GetProperty("description")}";
            byte[] text = CompactText.Write(test.GetProperty("data"), names);
            counts.Instances++;
            if (grammar.Accepts(text) == test.GetProperty("valid").GetBoolean())
                continue;
            Assert.True(
                s_exceptions.Any(it => instance.StartsWith(it.Name, StringComparison.Ordinal)),
                $"{instance}: {Encoding.UTF8.GetString(text)}"
            );
            counts.Exceptions++;
        }
    }

    // Of a message that names the place of a keyword.
    [GeneratedRegex(@"^schema#(?:/[^:]*)?/([^/:]+): ")]
    private static partial System.Text.RegularExpressions.Regex Keyword();

    private static void Install()
    {
        bool isWindows = OperatingSystem.IsWindows();
        string arguments =
            $"install --prefix \"{s_folder}\" {Package} --no-audit --no-fund --ignore-scripts";
        var start = new ProcessStartInfo
        {
            FileName = isWindows ? "cmd" : "npm",
            Arguments = isWindows ? $"/c npm {arguments}" : arguments,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        try
        {
            using Process npm = Process.Start(start)!;
            Task<string> error = npm.StandardError.ReadToEndAsync(
                TestContext.Current.CancellationToken
            );
            npm.StandardOutput.ReadToEnd();
            npm.WaitForExit();
            Assert.SkipWhen(npm.ExitCode != 0, $"npm can't install {Package}: {error.Result}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            Assert.Skip($"npm is needed to install {Package}: {e.Message}");
        }
    }

    private sealed record Counts(int Groups, int Instances, int Refused, int Exceptions)
    {
        public int Groups { get; set; } = Groups;

        public int Instances { get; set; } = Instances;

        public int Refused { get; set; } = Refused;

        public int Exceptions { get; set; } = Exceptions;
    }
}
