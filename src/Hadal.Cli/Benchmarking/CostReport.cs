using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Hadal.Cli.Benchmarking;

/// <summary>Tells what was measured at positions.</summary>
/// <param name="costs">The measurements.</param>
/// <param name="sweep">How they were made.</param>
/// <param name="pricePerHour">What the machine costs an hour, in any currency; null where nobody asks.</param>
internal sealed class CostReport(
    IReadOnlyList<CostAtPosition> costs,
    PositionSweep sweep,
    double? pricePerHour
)
{
    /// <summary>What the attention is called that others are compared with.</summary>
    public const string Dense = "dense";

    /// <summary>All figures as comma-separated values.</summary>
    public string Csv()
    {
        var text = new StringBuilder(
            "context_tokens,attention,prefill_ms_per_token,decode_ms_per_token"
        );
        text.Append(pricePerHour is null ? "\n" : ",price_per_million_in,price_per_million_out\n");
        foreach (CostAtPosition cost in costs)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{cost.Context},{cost.Attention},{cost.Prefill * 1e3:0.00000},{cost.Decode * 1e3:0.00000}"
            );
            if (pricePerHour is not null)
                text.Append(
                    CultureInfo.InvariantCulture,
                    $",{MillionFor(cost.Prefill):0.00000},{MillionFor(cost.Decode):0.00000}"
                );
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Writes all figures as JSON.</summary>
    public void ShowJson(Terminal terminal, Device device) =>
        terminal.ShowJson(json =>
        {
            json.WriteStartArray("results");
            foreach (CostAtPosition cost in costs)
            {
                json.WriteStartObject();
                json.WriteNumber("context_tokens", cost.Context);
                json.WriteString("attention", cost.Attention);
                json.WriteFinite("prefill_ms_per_token", cost.Prefill * 1e3);
                json.WriteFinite("decode_ms_per_token", cost.Decode * 1e3);
                if (pricePerHour is not null)
                {
                    json.WriteFinite("price_per_million_in", MillionFor(cost.Prefill));
                    json.WriteFinite("price_per_million_out", MillionFor(cost.Decode));
                }
                if (sweep.TimesOps)
                {
                    json.WriteStartObject("ops");
                    foreach (OpCost op in OpCosts(cost))
                    {
                        json.WriteStartObject(op.Op);
                        json.WriteFinite("prefill_ms_per_token", op.Prefill * 1e3);
                        json.WriteFinite("decode_ms_per_token", op.Decode * 1e3);
                        json.WriteEndObject();
                    }
                    json.WriteEndObject();
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (pricePerHour is { } price)
                json.WriteFinite("price_per_hour", price);
            json.WriteString("context_content", "random");
            json.WriteString("clock", sweep.ByProcessorTime ? "processor" : "wall");
            json.WriteString("device", device.Name);
            json.WriteString("isa", device.Isa);
        });

    /// <summary>Writes tables.</summary>
    public void Show(Terminal terminal)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("context", c => c.RightAligned())
            .AddColumn("attention")
            .AddColumn("prefill tok/s", c => c.RightAligned())
            .AddColumn("decode tok/s", c => c.RightAligned())
            .AddColumn("prefill, dense / this", c => c.RightAligned())
            .AddColumn("decode, dense / this", c => c.RightAligned());
        foreach (CostAtPosition cost in costs)
        {
            CostAtPosition? dense = costs.FirstOrDefault(c =>
                c.Context == cost.Context && c.Attention == Dense
            );
            table.AddRow(
                Number(cost.Context, "0"),
                cost.Attention,
                Number(1 / cost.Prefill, "0.0"),
                Number(1 / cost.Decode, "0.0"),
                Number(dense?.Prefill / cost.Prefill ?? double.NaN, "0.00"),
                Number(dense?.Decode / cost.Decode ?? double.NaN, "0.00")
            );
        }
        terminal.Show(table);
        if (pricePerHour is not null)
            ShowPrices(terminal);
        if (sweep.TimesOps)
        {
            foreach (CostAtPosition cost in costs)
                ShowOps(terminal, cost);
        }
        terminal.Output.WriteLine(
            "The contexts' caches were filled with random latents and keys, not by prefill."
        );
    }

    private void ShowPrices(Terminal terminal)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("context", c => c.RightAligned())
            .AddColumn("attention")
            .AddColumn("a million tokens in", c => c.RightAligned())
            .AddColumn("a million tokens out", c => c.RightAligned());
        foreach (CostAtPosition cost in costs)
            table.AddRow(
                Number(cost.Context, "0"),
                cost.Attention,
                Number(MillionFor(cost.Prefill), "0.0000"),
                Number(MillionFor(cost.Decode), "0.0000")
            );
        terminal.Show(table);
        terminal.Output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"At {pricePerHour} an hour, one text at a time; in: tokens of a prompt, out: generated ones, each at that position."
            )
        );
    }

    /// <summary>The price of a million tokens.</summary>
    /// <param name="seconds">What one takes.</param>
    private double MillionFor(double seconds) => seconds * 1e6 / 3600 * pricePerHour!.Value;

    private void ShowOps(Terminal terminal, CostAtPosition cost)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn($"{cost.Context} {cost.Attention}")
            .AddColumn("prefill µs / token", c => c.RightAligned())
            .AddColumn("share", c => c.RightAligned())
            .AddColumn("decode µs / token", c => c.RightAligned())
            .AddColumn("share", c => c.RightAligned());
        List<OpCost> ops = OpCosts(cost);
        double prefill = ops.Sum(op => op.Prefill);
        double decode = ops.Sum(op => op.Decode);
        foreach (OpCost op in ops)
        {
            table.AddRow(
                op.Op,
                Number(op.Prefill * 1e6, "0.00"),
                Number(op.Prefill / prefill, "0.0 %"),
                Number(op.Decode * 1e6, "0.0"),
                Number(op.Decode / decode, "0.0 %")
            );
        }
        terminal.Show(table);
    }

    /// <summary>An operation's seconds a token, of a prompt and generated.</summary>
    private sealed record OpCost(string Op, double Prefill, double Decode);

    private List<OpCost> OpCosts(CostAtPosition cost)
    {
        var decode = cost.DecodeOps.ToDictionary(time => time.Op, time => time.Time.TotalSeconds);
        var prefill = cost.PrefillOps.ToDictionary(time => time.Op, time => time.Time.TotalSeconds);
        return
        [
            .. prefill
                .Keys.Union(decode.Keys)
                .Select(op => new OpCost(
                    op,
                    prefill.GetValueOrDefault(op) / sweep.PrefillTokens,
                    decode.GetValueOrDefault(op) / sweep.DecodeTokens
                ))
                .OrderByDescending(op => op.Decode),
        ];
    }

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-";
}
