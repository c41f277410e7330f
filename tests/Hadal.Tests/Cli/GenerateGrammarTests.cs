using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

public sealed class GenerateGrammarTests
{
    private static readonly string[] s_options =
    [
        "generate",
        "And he answered",
        "--json",
        "--seed",
        "3",
        "--temperature",
        "1",
        "-n",
        "200",
    ];

    [Fact]
    public async Task ASchemaIsKeptTo()
    {
        using var folder = new TemporaryFolder();
        string schema = Path.Combine(folder.Path, "person.json");
        await File.WriteAllTextAsync(
            schema,
            """
            {"type": "object", "required": ["name", "born"], "additionalProperties": false,
             "properties": {"name": {"type": "string", "maxLength": 20}, "born": {"type": "integer", "minimum": 1, "maximum": 2000}}}
            """,
            TestContext.Current.CancellationToken
        );
        JsonElement person = JsonDocument.Parse(await TextAsync("--schema", schema)).RootElement;
        Assert.Equal(2, person.GetPropertyCount());
        Assert.InRange(person.GetProperty("name").GetString()!.Length, 0, 40);
        Assert.InRange(person.GetProperty("born").GetInt32(), 1, 2000);
    }

    [Fact]
    public async Task AnExpressionIsKeptTo() =>
        Assert.Matches(
            new Regex(@"\A[a-z]{3,6}, (yea|nay)\z"),
            await TextAsync("--regex", "[a-z]{3,6}, (yea|nay)")
        );

    [Fact]
    public async Task OneOfTheChoicesIsTaken() =>
        Assert.Contains(
            await TextAsync("--choice", "by land", "--choice", "by sea"),
            (string[])["by land", "by sea"]
        );

    [Fact]
    public async Task WhatCanNotBeKeptToIsRefused()
    {
        using var folder = new TemporaryFolder();
        string unsupported = Path.Combine(folder.Path, "not.json");
        string broken = Path.Combine(folder.Path, "broken.json");
        await File.WriteAllTextAsync(
            unsupported,
            """{"not": {}}""",
            TestContext.Current.CancellationToken
        );
        await File.WriteAllTextAsync(broken, "{", TestContext.Current.CancellationToken);
        (await CliResult.RunAsync([.. s_options, "--schema", unsupported])).MustRefuse(
            1,
            "schema#/not: the keyword is not supported"
        );
        (await CliResult.RunAsync([.. s_options, "--schema", broken])).MustRefuse(1, "is not JSON");
        (await CliResult.RunAsync([.. s_options, "--regex", "(a"])).MustRefuse(1, "pattern");
        (await CliResult.RunAsync([.. s_options, "--schema", "/dev/zero"])).MustRefuse(
            1,
            "must be a regular file"
        );
        (await CliResult.RunAsync([.. s_options, "--choice"])).MustRefuse(2, "--choice");
        (await CliResult.RunAsync([.. s_options, "--choice", ""])).MustRefuse(
            2,
            "--choice is empty"
        );
        (await CliResult.RunAsync([.. s_options, "--choice", "a", "--regex", "a"])).MustRefuse(
            2,
            "exclude each other"
        );
    }

    private static async Task<string> TextAsync(params string[] grammar)
    {
        CliResult result = await CliResult.RunAsync([.. s_options, .. grammar]);
        Assert.Equal("", result.Error);
        Assert.Equal("stop", result.Json.GetProperty("finish_reason").GetString());
        return result.Json.GetProperty("text").GetString()!;
    }
}
