using System.Net;
using System.Text;
using System.Text.Json;

namespace Hadal.Tests.Server.Responses;

/// <summary>Reads the events of <c>/v1/responses</c>, and holds them against each other.</summary>
internal static class ResponseStream
{
    public const string Path = "/v1/responses";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The events of a request, to which <c>stream</c> is added.</summary>
    public static async Task<List<JsonElement>> EventsAsync(this ServerApp app, string body)
    {
        using HttpResponseMessage response = await app.SendAsync(
            Path,
            $"{body.TrimEnd()[..^1]},\"stream\":true}}",
            Cancellation
        );
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        return Parse(text);
    }

    /// <summary>The events of a stream; each has its name and number. Comments are left out.</summary>
    public static List<JsonElement> Parse(string text)
    {
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        List<JsonElement> events = [];
        foreach (string block in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            if (block.StartsWith(':'))
                continue;
            string[] lines = block.Split('\n');
            Assert.Equal(2, lines.Length);
            const string data = "data: ";
            Assert.StartsWith(data, lines[1], StringComparison.Ordinal);
            JsonElement one = JsonDocument.Parse(lines[1][data.Length..]).RootElement;
            Assert.Equal($"event: {one.Type()}", lines[0]);
            Assert.Equal(events.Count, one.GetProperty("sequence_number").GetInt32());
            events.Add(one);
        }
        return events;
    }

    /// <summary>The response at the end of a stream, of which all events must tell the same.</summary>
    public static JsonElement Final(IReadOnlyList<JsonElement> events)
    {
        Assert.Equal("response.created", events[0].Type());
        Assert.Equal("response.in_progress", events[1].Type());
        JsonElement final = events[^1].GetProperty("response");
        Assert.Equal($"response.{final.Text("status")}", events[^1].Type());
        foreach (JsonElement begun in (JsonElement[])[events[0], events[1]])
        {
            JsonElement response = begun.GetProperty("response");
            Assert.Equal(final.Text("id"), response.Text("id"));
            Assert.Equal("in_progress", response.Text("status"));
            Assert.Equal(0, response.GetProperty("output").GetArrayLength());
        }
        JsonElement[] output = [.. final.GetProperty("output").EnumerateArray()];
        int place = 2;
        for (int i = 0; i < output.Length; i++)
            place = MustTellOf(output[i], i, events, place);
        return final;
    }

    /// <summary>An output without what differs from one answer to the other.</summary>
    public static string[] Output(this JsonElement response) =>
        [
            .. response
                .GetProperty("output")
                .EnumerateArray()
                .Select(item =>
                    string.Join(
                        '\n',
                        item.EnumerateObject()
                            .Where(field => field.Name is not ("id" or "call_id"))
                            .Select(field => $"{field.Name}: {field.Value.GetRawText()}")
                    )
                ),
        ];

    public static string Type(this JsonElement element) => element.Text("type");

    public static string Text(this JsonElement element, string name) =>
        element.GetProperty(name).GetString()!;

    /// <summary>The types of events, each run of one type once.</summary>
    public static string[] Types(this IEnumerable<JsonElement> events)
    {
        List<string> types = [];
        foreach (JsonElement one in events)
        {
            string type = one.Type()["response.".Length..];
            if (types.Count == 0 || types[^1] != type)
                types.Add(type);
        }
        return [.. types];
    }

    /// <summary>An item's events, from a place on; gives the place after them.</summary>
    private static int MustTellOf(
        JsonElement item,
        int index,
        IReadOnlyList<JsonElement> events,
        int place
    )
    {
        JsonElement added = events[place++];
        Assert.Equal("response.output_item.added", added.Type());
        Assert.Equal(index, added.GetProperty("output_index").GetInt32());
        JsonElement begun = added.GetProperty("item");
        Assert.Equal(item.Type(), begun.Type());
        Assert.Equal(item.Text("id"), begun.Text("id"));
        Assert.Equal("in_progress", begun.Text("status"));
        var text = new StringBuilder();
        while (events[place].Type() != "response.output_item.done")
        {
            JsonElement part = events[place++];
            Assert.Equal(item.Text("id"), part.Text("item_id"));
            Assert.Equal(index, part.GetProperty("output_index").GetInt32());
            if (part.TryGetProperty("delta", out JsonElement delta))
                text.Append(delta.GetString());
            else if (part.TryGetProperty(FieldOf(item.Type()), out JsonElement whole))
                Assert.Equal(text.ToString(), whole.GetString());
        }
        JsonElement done = events[place++].GetProperty("item");
        Assert.True(JsonElement.DeepEquals(item, done), $"{item}\n{done}");
        JsonElement holder = item.TryGetProperty("content", out JsonElement content)
            ? content[0]
            : item;
        Assert.Equal(holder.Text(FieldOf(item.Type())), text.ToString());
        return place;
    }

    private static string FieldOf(string type) =>
        type switch
        {
            "function_call" => "arguments",
            "custom_tool_call" => "input",
            _ => "text",
        };
}
