using System.CommandLine;
using Hadal.Cli;

namespace Hadal.Tests.Cli;

/// <summary>What holds for the options of all commands, those to come included.</summary>
public sealed class OptionTests
{
    private static readonly Type[] Numbers =
    [
        typeof(int),
        typeof(int?),
        typeof(int[]),
        typeof(ulong),
        typeof(ulong?),
        typeof(float?),
    ];

    private static readonly Type[] Paths = [typeof(FileInfo), typeof(DirectoryInfo)];

    private static IEnumerable<(Command Command, Option Option)> Options(Type[] types)
    {
        var terminal = new Terminal
        {
            Piped = null,
            Keyboard = TextReader.Null,
            Output = TextWriter.Null,
            Error = TextWriter.Null,
        };
        return
        [
            .. Tool.Commands(terminal)
                .Subcommands.SelectMany(command =>
                    command
                        .Options.Where(option => types.Contains(option.ValueType))
                        .Select(option => (command, option))
                ),
        ];
    }

    /// <summary>A command line that lacks nothing, and gives an option a value.</summary>
    private static string[] With(Command command, Option option, string value) =>
        [
            command.Name,
            .. command.Arguments.Where(a => a.Arity.MinimumNumberOfValues > 0).Select(_ => "x"),
            .. command
                .Options.Where(o => o.Required && o != option)
                .SelectMany(o => (string[])[o.Name, "x"]),
            option.Name,
            value,
        ];

    [Theory]
    [InlineData("99999999999999999999")]
    [InlineData("-1")]
    [InlineData("NaN")]
    [InlineData("1e999")]
    [InlineData("x")]
    [InlineData("")]
    public async Task NoNumberTakesAValueBeyondItsRange(string value)
    {
        (Command, Option)[] options = [.. Options(Numbers)];
        Assert.True(options.Length > 25, $"{options.Length} options");
        foreach ((Command command, Option option) in options)
        {
            // No float is too great that is finite; the rules say what each takes.
            if (option.ValueType == typeof(float?) && value.StartsWith('9'))
                continue;
            CliResult result = await CliResult.RunAsync(With(command, option, value));
            result.MustRefuse(2, $"{option.Name} is ", value);
        }
    }

    [Fact]
    public async Task NoPathIsEmpty()
    {
        foreach ((Command command, Option option) in Options(Paths))
            (await CliResult.RunAsync(With(command, option, ""))).MustRefuse(2, option.Name);
        (await CliResult.RunAsync("synth", "", "--preset", "true-shape")).MustRefuse(2, "<folder>");
    }

    [Theory]
    [InlineData("generate", "--jsn", "text")]
    [InlineData("generate", "text", "--jsn")]
    [InlineData("synth", "--jsn", "--preset", "true-shape")]
    [InlineData("devices", "--jsn")]
    [InlineData("trace", "--ids", "0", "-o", "x", "--jsn")]
    public async Task AnUnknownOptionIsNamed(params string[] args) =>
        (await CliResult.RunAsync(args)).MustRefuse(2, "no option --jsn");

    [Fact]
    public async Task ATextMayBeginWithAnAtSign()
    {
        CliResult result = await CliResult.RunAsync("tokenize", "@x", "--no-bos", "--json");
        Assert.Equal("@x", result.Json.GetProperty("text").GetString());
    }

    [Theory]
    [InlineData("--max-tokens")]
    [InlineData("--chunk")]
    public async Task AsMuchAsThereIsMayBeAskedFor(string option)
    {
        CliResult result = await CliResult.RunAsync(
            "generate",
            "x",
            "--stop",
            " ",
            option,
            $"{int.MaxValue}"
        );
        Assert.Equal(0, result.Status);
    }

    [Fact]
    public async Task WhatTheContextHasNoRoomForIsNamed()
    {
        string most = $"{int.MaxValue}";
        (await CliResult.RunAsync("bench", "--chunk", most)).MustRefuse(2, "--chunk", "1024");
        (await CliResult.RunAsync("bench", "--decode", most, "--contexts", "0")).MustRefuse(
            2,
            "--decode",
            "1024"
        );
        (await CliResult.RunAsync("trace", "-o", "x", "--ids", "0", "--steps", most)).MustRefuse(
            2,
            "--steps",
            "1024"
        );
        (await CliResult.RunAsync("perplexity", "x", "-w", most)).MustRefuse(2, "--window", "1024");
    }
}
