using System.Globalization;
using System.Text.RegularExpressions;

namespace Hadal.Bindings.Generator;

/// <summary>
/// Reads every header in RefusalCases. Each begins with what must come of it: <c>/* refused at LINE: TEXT */</c>, where
/// the message must hold TEXT, or <c>/* accepted */</c>.
/// </summary>
internal static partial class SelfTest
{
    /// <summary>Returns 0 where all went as told, else 1 with each failure on standard error.</summary>
    public static int Run()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "RefusalCases");
        var cases = Directory.GetFiles(folder, "*.h");
        var failures = cases.Order(StringComparer.Ordinal).Select(Failure).OfType<string>();
        var failed = 0;
        foreach (var failure in failures)
        {
            Console.Error.WriteLine(failure);
            failed++;
        }
        Console.WriteLine($"{cases.Length - failed} of {cases.Length} cases went as told.");
        return failed == 0 && cases.Length > 0 ? 0 : 1;
    }

    private static string? Failure(string path)
    {
        var name = Path.GetFileName(path);
        var told = File.ReadLines(path).First();
        var match = Told().Match(told);
        if (!match.Success)
        {
            return $"{name}: its first line is \"{told}\", not a comment that tells what must come of it";
        }
        try
        {
            ApiWriter.Write(ApiReader.Read(path));
            return match.Groups["line"].Success ? $"{name}: accepted, but {told}" : null;
        }
        catch (Refusal refusal)
        {
            return
                match.Groups["line"].Success
                && int.Parse(match.Groups["line"].Value, CultureInfo.InvariantCulture)
                    == refusal.Line
                && refusal.Message.Contains(match.Groups["text"].Value, StringComparison.Ordinal)
                ? null
                : $"{name}: refused at {refusal.Line}: {refusal.Message}, but {told}";
        }
    }

    [GeneratedRegex(@"^/\* (accepted|refused at (?<line>\d+): (?<text>.+)) \*/$")]
    private static partial Regex Told();
}
