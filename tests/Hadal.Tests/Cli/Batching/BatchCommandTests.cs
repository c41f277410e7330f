using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Server;

namespace Hadal.Tests.Cli.Batching;

public sealed class BatchCommandTests
{
    [Fact]
    public async Task Answers_are_the_server_s_in_openai_s_format()
    {
        using var batch = new Batch(
            Batch.Completion("a", 1, 6),
            Batch.Chat("b", 2, 6),
            Batch.Line(
                "c",
                """{"prompt":[1,2,3],"max_tokens":3,"n":2,"logprobs":1,"temperature":0}"""
            ),
            Batch.Line(
                "d",
                """{"input":"Who is there?","max_output_tokens":6,"temperature":0}""",
                "/v1/responses"
            )
        );
        CliResult result = await batch.RunAsync("--drafts", "1");
        Assert.Equal(
            (0, "", "4 answered, 0 refused, 0 done before\n"),
            (result.Status, result.Output, result.Error)
        );
        JsonObject[] answers = batch.Answers;
        Assert.Equal(
            ["a", "b", "c", "d"],
            answers.Select(answer => Batch.Text(answer["custom_id"]))
        );
        await using ServerApp app = await ServerApp.StartAsync(
            Paths.EmbeddedModel,
            configure: options => (options.ModelName, options.Drafts) = (null, "1")
        );
        foreach ((JsonObject answer, string line) in answers.Zip(File.ReadLines(batch.Input)))
        {
            Assert.Equal(
                ["id", "custom_id", "response", "error"],
                answer.Select(member => member.Key)
            );
            Assert.Null(answer["error"]);
            JsonNode response = answer["response"]!;
            Assert.Equal(200, response["status_code"]!.GetValue<int>());
            Assert.NotEmpty(Batch.Text(response["request_id"]));
            JsonNode request = JsonNode.Parse(line)!;
            JsonElement served = await app.PostAsync(
                Batch.Text(request["url"]),
                request["body"]!.ToJsonString()
            );
            Assert.Equal(
                Batch.Comparable(JsonNode.Parse(served.GetRawText())!).ToJsonString(),
                Batch.Comparable(response["body"]!).ToJsonString()
            );
        }
    }

    [Fact]
    public async Task Wrong_line_is_its_own_error_alone()
    {
        (string Line, string? Id, string? Param, string Message)[] lines =
        [
            ("not json", null, null, "not JSON"),
            ("[1]", null, null, "must be"),
            (Batch.Completion("a", 1, 2)[..^2], null, null, "not JSON"),
            ("""{"method":"POST","url":"/v1/completions","body":{}}""", null, null, "custom_id"),
            (Batch.Line("", "{}"), "", "custom_id", "must have a character"),
            (
                """{"custom_id":7,"method":"POST","url":"/v1/completions","body":{}}""",
                null,
                "custom_id",
                "Number"
            ),
            (Batch.Line("u", "{}", "/v1/embeddings"), "u", "url", "/v1/embeddings"),
            (Batch.Line("u2", "{}", "/health"), "u2", "url", "/health"),
            (
                Batch.Line("m", "{}").Replace("POST", "GET", StringComparison.Ordinal),
                "m",
                "method",
                "must be POST"
            ),
            (Batch.Line("b", "[]"), "b", "body", "must be"),
            (
                Batch.Line("s", """{"prompt":"x","stream":true}"""),
                "s",
                "stream",
                "must not be true"
            ),
            (Batch.Line("f", """{"prompt":"x","best_of":2}"""), "f", "best_of", "is not supported"),
            (Batch.Line("n", """{"prompt":"x","model":"other"}"""), "n", "model", "other"),
            (
                Batch.Line("l", $$"""{"prompt":"{{new string('x', 100_000)}}"}"""),
                "l",
                null,
                "context"
            ),
            (
                """{"custom_id":"d","custom_id":"e","method":"POST","url":"/v1/completions","body":{}}""",
                null,
                null,
                "not JSON"
            ),
            (
                """{"custom_id":"\ud800","method":"POST","url":"/v1/completions","body":{}}""",
                null,
                "custom_id",
                "Unicode"
            ),
            (Batch.Completion("ok", 1, 2), "ok", "custom_id", "line 1"),
        ];
        using var batch = new Batch([
            Batch.Completion("ok", 1, 2),
            "",
            .. lines.Select(line => line.Line),
            Batch.Completion("last", 1, 2),
        ]);
        CliResult result = await batch.RunAsync();
        Assert.Equal(0, result.Status);
        Assert.Equal($"2 answered, {lines.Length} refused, 0 done before\n", result.Error);
        JsonObject[] answers = batch.Answers;
        Assert.Equal(200, answers[0]["response"]!["status_code"]!.GetValue<int>());
        Assert.Equal(200, answers[^1]["response"]!["status_code"]!.GetValue<int>());
        Assert.All(
            answers[1..^1].Zip(lines),
            pair =>
            {
                (JsonObject answer, (_, string? id, string? param, string message)) = pair;
                JsonNode response = answer["response"]!;
                JsonNode error = response["body"]!["error"]!;
                Assert.InRange(response["status_code"]!.GetValue<int>(), 400, 404);
                Assert.Equal("invalid_request_error", Batch.Text(error["type"]));
                Assert.Equal(id, answer["custom_id"]?.GetValue<string>());
                Assert.Contains(message, Batch.Text(error["message"]), StringComparison.Ordinal);
                if (param is not null)
                    Assert.Equal(param, Batch.Text(error["param"]));
            }
        );
    }

    [Fact]
    public async Task Wrong_files_are_refused()
    {
        using var batch = new Batch(Batch.Completion("a", 1, 1));
        (await CliResult.RunAsync("batch", batch.Output, batch.Input)).MustRefuse(2, "<input>");
        (await CliResult.RunAsync("batch", batch.Input, batch.Input)).MustRefuse(2, "one file");
        (await CliResult.RunAsync("batch", batch.Input, Path.GetTempPath())).MustRefuse(
            2,
            "<output>"
        );
        (await batch.RunAsync("--max-concurrent", "0")).MustRefuse(2, "--max-concurrent");
        (await batch.RunAsync("--drafts", "7")).MustRefuse(2, "Drafts", "7");
        await File.WriteAllTextAsync(batch.Output, "my notes\n");
        (await batch.RunAsync()).MustRefuse(2, "line 1", "nothing is written over it");
        Assert.Equal("my notes\n", await File.ReadAllTextAsync(batch.Output));
    }

    [Fact]
    public async Task Output_of_another_input_is_refused()
    {
        using var batch = new Batch(Batch.Requests(4, 1));
        Assert.Equal(0, (await batch.RunAsync()).Status);
        string answers = await File.ReadAllTextAsync(batch.Output);
        string[] lines = await File.ReadAllLinesAsync(batch.Input);

        await File.WriteAllLinesAsync(batch.Input, [lines[1], lines[0], .. lines[2..]]);
        (await batch.RunAsync()).MustRefuse(2, "line 1", "'t1'", "'c0'");
        await File.WriteAllLinesAsync(batch.Input, lines[..3]);
        (await batch.RunAsync()).MustRefuse(2, "line 4");
        Assert.Equal(answers, await File.ReadAllTextAsync(batch.Output));
    }

    [Fact]
    public async Task Line_that_the_engine_fails_at_is_left_for_another_run()
    {
        const ushort notANumber = 0x7fc0;
        using TemporaryFolder model = NormedModel.Write(notANumber);
        using var batch = new Batch(
            Batch.Completion("a", 1, 1),
            Batch.Line("b", """{"prompt":"x","best_of":2}""")
        );
        CliResult result = await batch.RunAsync("--model", model.Path);
        Assert.Equal(1, result.Status);
        Assert.Contains("0 answered, 1 refused", result.Error, StringComparison.Ordinal);
        Assert.EndsWith(
            "failed at: 1; the same command tries them again\n",
            result.Error,
            StringComparison.Ordinal
        );
        Assert.Equal("b", Batch.Text(Assert.Single(batch.Answers)["custom_id"]));
        Assert.Equal(0, (await batch.RunAsync()).Status);
        Assert.Equal(2, batch.Answers.Length);
    }
}
