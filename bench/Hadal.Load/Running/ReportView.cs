using System.Globalization;
using System.Text.Json;
using Hadal.Cli;
using Hadal.Load.Streams;
using Spectre.Console;

namespace Hadal.Load.Running;

/// <summary>Shows a report, as tables or as JSON.</summary>
internal static class ReportView
{
    private const int MostDiffering = 10;

    public static void Show(Terminal terminal, LoadReport report)
    {
        Table figures = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("")
            .AddColumn("median", c => c.RightAligned())
            .AddColumn("99 %", c => c.RightAligned());
        AddTimes(figures, "first token ms", report.FirstToken);
        AddTimes(figures, "between tokens ms", report.BetweenTokens);
        AddTimes(figures, "whole answer ms", report.Total);
        terminal.Show(figures);
        string ended = string.Join(
            ", ",
            report
                .Outcomes.Where(pair => pair.Value > 0)
                .Select(pair => $"{Number(pair.Value)} {Name(pair.Key)}")
        );
        terminal.Output.WriteLine($"requests: {ended}");
        if (report.LeftBeforeText > 0)
            terminal.Output.WriteLine($"left before any text: {Number(report.LeftBeforeText)}");
        terminal.Output.WriteLine(
            $"{Number(report.TokensPerSecond)} tokens/s: {Number(report.Tokens)} tokens in {Number(report.Wall.TotalSeconds)} s, {Number(report.Connections)} connections"
        );
        terminal.Output.WriteLine(
            $"processor time: {Number(report.OwnProcessor.TotalSeconds)} s of the generator"
                + (
                    report.ServerProcessor is { } server
                        ? $", {Number(server.TotalSeconds)} s of the server"
                        : ""
                )
        );
        if (report.Compared > 0)
            terminal.Output.WriteLine(
                $"compared with the answer alone: {Number(report.Compared)}, not equal {Number(report.Differing.Count)}"
            );
        foreach (string differing in report.Differing.Take(MostDiffering))
            terminal.Output.WriteLine($"  {Printable.Line(differing)}");
        foreach ((string message, int count) in report.Messages.OrderByDescending(m => m.Value))
            terminal.Output.WriteLine($"{Number(count)} ×: {Printable.Line(message)}");
    }

    /// <summary>Writes the members of an object.</summary>
    public static void Write(Utf8JsonWriter json, LoadReport report)
    {
        json.WriteNumber("connections", report.Connections);
        json.WriteStartObject("requests");
        foreach ((StreamOutcome outcome, int count) in report.Outcomes)
            json.WriteNumber(Name(outcome), count);
        json.WriteEndObject();
        json.WriteNumber("left_before_text", report.LeftBeforeText);
        json.WriteNumber("compared", report.Compared);
        json.WriteNumber("differing", report.Differing.Count);
        json.WriteNumber("tokens", report.Tokens);
        json.WriteFinite("seconds", report.Wall.TotalSeconds);
        json.WriteFinite("tokens_per_second", report.TokensPerSecond);
        json.WriteFinite("generator_processor_seconds", report.OwnProcessor.TotalSeconds);
        if (report.ServerProcessor is { } server)
            json.WriteFinite("server_processor_seconds", server.TotalSeconds);
        WriteTimes(json, "first_token", report.FirstToken);
        WriteTimes(json, "between_tokens", report.BetweenTokens);
        WriteTimes(json, "whole_answer", report.Total);
        json.WriteStartObject("messages");
        foreach ((string message, int count) in report.Messages)
            json.WriteNumber(message, count);
        json.WriteEndObject();
    }

    private static void AddTimes(Table table, string name, Samples samples) =>
        table.AddRow(name, Number(samples.Part(0.5)), Number(samples.Part(0.99)));

    private static void WriteTimes(Utf8JsonWriter json, string name, Samples samples)
    {
        json.WriteFinite($"{name}_p50_ms", samples.Part(0.5));
        json.WriteFinite($"{name}_p99_ms", samples.Part(0.99));
    }

    private static string Name(StreamOutcome outcome) =>
        outcome switch
        {
            StreamOutcome.Ok => "ok",
            StreamOutcome.Disconnected => "disconnected",
            StreamOutcome.Cancelled => "cancelled",
            StreamOutcome.QueueFull => "status_429",
            StreamOutcome.Unavailable => "status_503",
            StreamOutcome.Refused => "refused",
            StreamOutcome.ErrorEvent => "error_event",
            _ => "broken",
        };

    private static string Number(double value) =>
        double.IsNaN(value) ? "-" : value.ToString("0.##", CultureInfo.InvariantCulture);
}
