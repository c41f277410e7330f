using System.Text.Json.Nodes;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli.Batching;

/// <summary>A file of requests, and the one of its answers.</summary>
internal sealed class Batch : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public Batch(params IEnumerable<string> lines) => File.WriteAllLines(Input, lines);

    public string Input => _folder.File("in.jsonl");

    public string Output => _folder.File("out.jsonl");

    /// <summary>The answers, in the order of their lines of the input.</summary>
    public JsonObject[] Answers =>
        [
            .. Lines()
                .Select(line => JsonNode.Parse(line)!.AsObject())
                .OrderBy(answer => int.Parse(Text(answer["id"])["batch_req_".Length..])),
        ];

    /// <summary>The answers' lines that are whole, while they are written or after.</summary>
    public string[] Lines()
    {
        using var file = new FileStream(
            Output,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite
        );
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Split('\n')[..^1];
    }

    /// <summary>Some requests of both APIs, some of which are refused.</summary>
    public static IEnumerable<string> Requests(int count, int tokens) =>
        Enumerable
            .Range(0, count)
            .Select(i =>
                (i % 4) switch
                {
                    0 => Chat($"c{i}", i, tokens),
                    3 => Line($"r{i}", """{"prompt":"x","best_of":2}"""),
                    _ => Completion($"t{i}", i, tokens),
                }
            );

    private static readonly string[] s_own =
    [
        "id",
        "created",
        "created_at",
        "completed_at",
        "prompt_tokens_details",
        "input_tokens_details",
    ];

    public static string Completion(string id, int seed, int tokens) =>
        Line(
            id,
            $$"""{"prompt":"In the {{seed % 3}} beginning","max_tokens":{{tokens}},"seed":{{seed}},"ignore_eos":true}"""
        );

    public static string Chat(string id, int seed, int tokens) =>
        Line(
            id,
            $$"""{"messages":[{"role":"user","content":"Who is {{seed}}?"}],"max_tokens":{{tokens}},"seed":{{seed}}}""",
            "/v1/chat/completions"
        );

    public static string Line(string id, string body, string url = "/v1/completions") =>
        $$"""{"custom_id":"{{id}}","method":"POST","url":"{{url}}","body":{{body}}}""";

    /// <summary>The command line, run in the process.</summary>
    public Task<CliResult> RunAsync(params string[] more) =>
        CliResult.RunAsync(["batch", Input, Output, "--threads", "2", .. more]);

    /// <summary>All that must be the same whenever it is answered.</summary>
    public string[] Comparable() => [.. Answers.Select(Comparable)];

    /// <summary>A body without what no two answers have alike: ids, times, and how much the cache had before.</summary>
    public static JsonNode Comparable(JsonNode body)
    {
        JsonNode copy = body.DeepClone();
        Strip(copy);
        return copy;
    }

    public static string Text(JsonNode? node) => node!.GetValue<string>();

    public void Dispose() => _folder.Dispose();

    private static string Comparable(JsonObject answer)
    {
        JsonNode response = answer["response"]!;
        return $"{answer["id"]} {answer["custom_id"]} {response["status_code"]} {Comparable(response["body"]!).ToJsonString()}";
    }

    private static void Strip(JsonNode? node)
    {
        if (node is JsonArray elements)
        {
            foreach (JsonNode? element in elements)
                Strip(element);
        }
        if (node is not JsonObject members)
            return;
        foreach (string name in s_own)
            members.Remove(name);
        foreach ((_, JsonNode? member) in members)
            Strip(member);
    }
}
