using System.CommandLine;
using System.Text.Json;
using Hadal.Cli.Arguments;
using Spectre.Console;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal devices</c>: what a model can run on here, and why not on the rest.</summary>
internal sealed class DevicesCommand : Command
{
    private readonly Terminal _terminal;
    private readonly JsonArgument _json;

    public DevicesCommand(Terminal terminal)
        : base("devices", "Lists what a model can run on here, and why not on the rest")
    {
        _terminal = terminal;
        _json = new JsonArgument(this);
        SetAction(Run);
    }

    private void Run(ParseResult result)
    {
        List<FoundDevice> devices = FoundDevice.All();
        if (_json.IsGiven(result))
            _terminal.ShowJson(json => Write(json, devices));
        else
            Show(devices);
    }

    private static void Write(Utf8JsonWriter json, List<FoundDevice> devices)
    {
        json.WriteStartArray("devices");
        foreach (FoundDevice device in devices)
        {
            json.WriteStartObject();
            json.WriteString("id", device.Id);
            json.WriteBoolean("usable", device.WhyNot is null);
            if (device.WhyNot is null)
            {
                json.WriteString("name", device.Name);
                json.WriteString("isa", device.Isa);
                json.WriteNumber("threads", device.Threads);
                json.WriteNumber("memory_bytes", device.MemoryBytes);
                json.WriteNumber("free_memory_bytes", device.FreeMemoryBytes);
            }
            else
            {
                json.WriteString("why_not", device.WhyNot);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void Show(List<FoundDevice> devices)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumns("device", "name", "kernels", "threads", "memory", "free");
        foreach (FoundDevice device in devices.Where(d => d.WhyNot is null))
        {
            table.AddRow(
                new Text(device.Id),
                new Text(Printable.Line(device.Name)),
                new Text(device.Isa),
                new Text(device.Threads == 0 ? "" : $"{device.Threads}"),
                new Text(Units.Bytes(device.MemoryBytes)),
                new Text(Units.Bytes(device.FreeMemoryBytes))
            );
        }
        _terminal.Show(table);
        foreach (FoundDevice device in devices.Where(d => d.WhyNot is not null))
            _terminal.Output.WriteLine(
                $"{device.Id} can't be used: {Printable.Line(device.WhyNot!)}"
            );
    }
}
