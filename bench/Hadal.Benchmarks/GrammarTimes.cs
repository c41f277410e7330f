using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Hadal.Grammars;
using Hadal.Tests.Grammars;
using Hadal.Tokenization;

namespace Hadal.Benchmarks;

/// <summary>
/// How long schemas take to compile and masks of DeepSeek's tokenizer to make, each schema cold and the process warm, along random
/// texts; and what steps allocate that a grammar has seen before.
/// </summary>
internal static class GrammarTimes
{
    private const int Texts = 4;
    private const int MostTokens = 200;
    private const int Worst = 8;
    private const int Rounds = 4;

    /// <summary>Prints the times.</summary>
    /// <param name="args">Perhaps <c>--schemas</c> and a folder of JSON files; else the schemas of the tests.</param>
    public static int Run(string[] args)
    {
        string tests = Path.Combine(Here(), "..", "..", "tests");
        string folder = args is ["--schemas", var own]
            ? own
            : Path.Combine(tests, "Hadal.Tests", "Grammars", "Schemas");
        var tokenizer = DeepSeekTokenizer.Load(
            Path.Combine(tests, "models", "deepseek-v3-tokenizer")
        );
        var vocabulary = GrammarVocabulary.Of(tokenizer);
        ulong[] closing = MaskBits.Closing(tokenizer);
        (string Name, JsonElement Schema)[] schemas =
        [
            .. Directory
                .EnumerateFiles(folder, "*.json", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Select(static file => (Path.GetFileNameWithoutExtension(file), Parse(file))),
        ];
        // The first round is to compile the code. The others draw the same texts; the machine may do other work meanwhile.
        Row[] rows = [];
        for (int round = 0; round <= Rounds; round++)
        {
            Row[] measured =
            [
                .. schemas.Select(it => Measure(it.Name, it.Schema, vocabulary, closing)),
            ];
            rows = round < 2 ? measured : [.. rows.Zip(measured, static (a, b) => a.Least(b))];
        }
        double[] masks = [.. rows.SelectMany(static row => row.Masks).Order()];
        double[] compiles = [.. rows.Select(static row => row.Compile).Order()];
        Console.WriteLine($"{rows.Length} schemas, {masks.Length} masks, in microseconds");
        Console.WriteLine(
            $"mask     mean {masks.Average():f1}  p50 {At(masks, 0.5):f1}  p99 {At(masks, 0.99):f1}  max {masks[^1]:f1}"
        );
        Console.WriteLine(
            $"compile  mean {compiles.Average():f1}  p50 {At(compiles, 0.5):f1}  p99 {At(compiles, 0.99):f1}  max {compiles[^1]:f1}"
        );
        Console.WriteLine(
            $"bytes allocated by steps seen before: {rows.Sum(static row => row.Bytes)}"
        );
        foreach (Row row in rows.Where(static row => row.Bytes > 0))
            Console.WriteLine($"  {row.Bytes, 10}  {row.Name}");
        Print("masks, mean", rows, static row => row.Masks.Average());
        Print("masks, longest", rows, static row => row.Masks.Max());
        Print("compile", rows, static row => row.Compile);
        return 0;
    }

    private static Row Measure(
        string name,
        JsonElement schema,
        GrammarVocabulary vocabulary,
        ulong[] closing
    )
    {
        long start = Stopwatch.GetTimestamp();
        var grammar = Grammar.FromJsonSchema(schema);
        double compile = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        var masks = new List<double>();
        long bytes = 0;
        for (int i = 0; i < Texts; i++)
        {
            var random = new SplitMix64((ulong)i);
            var tokens = new List<int>();
            var matcher = new GrammarMatcher(grammar, vocabulary);
            while (tokens.Count < MostTokens)
            {
                start = Stopwatch.GetTimestamp();
                ReadOnlySpan<ulong> mask = matcher.Mask();
                masks.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                int allowed = MaskBits.Count(mask, mask);
                if (allowed == 0 || (matcher.MayEnd && random.Next() % 3 == 0))
                    break;
                // Random tokens alone would end no string.
                int ends = random.Next() % 100 < 25 ? MaskBits.Count(mask, closing) : 0;
                ReadOnlySpan<ulong> others = ends > 0 ? closing : mask;
                int index = (int)(random.Next() % (ulong)(ends > 0 ? ends : allowed));
                tokens.Add(MaskBits.Pick(mask, others, index));
                matcher.Accept(tokens[^1]);
            }
            var again = new GrammarMatcher(grammar, vocabulary);
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (int token in tokens)
            {
                again.Mask();
                again.Accept(token);
            }
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
        }
        return new Row(name, compile, masks, bytes);
    }

    private static void Print(string what, Row[] rows, Func<Row, double> value)
    {
        Console.WriteLine($"worst of {what}:");
        foreach (Row row in rows.OrderByDescending(value).Take(Worst))
            Console.WriteLine($"  {value(row), 10:f1}  {row.Name}");
    }

    private static double At(double[] sorted, double part) =>
        sorted[(int)((sorted.Length - 1) * part)];

    private static JsonElement Parse(string file)
    {
        using var document = JsonDocument.Parse(
            File.ReadAllText(file),
            new JsonDocumentOptions { MaxDepth = 512 }
        );
        return document.RootElement.Clone();
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    private sealed record Row(string Name, double Compile, List<double> Masks, long Bytes)
    {
        public Row Least(Row other) =>
            new(
                Name,
                Math.Min(Compile, other.Compile),
                [.. Masks.Zip(other.Masks, Math.Min)],
                Math.Min(Bytes, other.Bytes)
            );
    }
}
