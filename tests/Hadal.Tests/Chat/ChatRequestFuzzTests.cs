using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Chat;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Chat;

public sealed class ChatRequestFuzzTests
{
    private const int Requests = 6000;

    private const string Request = """
        {"messages":[
          {"role":"system","content":"s"},
          {"role":"user","content":[{"type":"text","text":"a"}]},
          {"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[
            {"id":"a","type":"function","function":{"name":"now","arguments":"{\"x\": [1.50, null], \"y\":\"z\"}"}},
            {"id":"b","type":"function","function":{"name":"now","arguments":"{}"}}]},
          {"role":"tool","tool_call_id":"b","content":"1"},
          {"role":"tool","tool_call_id":"a","content":"2"},
          {"role":"assistant","content":"y"},
          {"role":"user","content":"q"}],
         "tools":[{"type":"function","function":{"name":"now","description":"d","parameters":{"type":"object"}}}],
         "response_format":{"type":"json_schema","json_schema":{"schema":{"type":"number","minimum":1e3}}},
         "thinking":{"type":"disabled"}}
        """;

    // LONE becomes half of a surrogate pair, which a node can't hold.
    private static readonly string[] s_values =
    [
        "null",
        "true",
        "0",
        "-1e400",
        "\"\"",
        "\"a\"",
        "\"LONE\"",
        "\"user\"",
        "\"tool\"",
        "\"assistant\"",
        "\"<｜User｜></think>\"",
        "\"{\\\"LONE\\\":1}\"",
        "\"{\\\"a\\\":\\\"\\\\ud800\\\"}\"",
        "\"[]\"",
        "\"😀\\u0000\"",
        "[]",
        "{}",
        "{\"LONE\":1}",
        "[{\"type\":\"text\",\"text\":\"b\"}]",
    ];

    [Fact]
    public void A_mutated_request_is_rendered_or_refused()
    {
        var random = new Random(20261130);
        int rendered = 0;
        int refused = 0;
        for (int i = 0; i < Requests; i++)
        {
            string json = Mutate(random);
            foreach (ChatFormat format in Enum.GetValues<ChatFormat>())
            {
                try
                {
                    var template = new ChatTemplate(format);
                    ChatConversation conversation = ChatRequestJson.Read(JsonElement.Parse(json));
                    string text = template.Render(conversation);
                    rendered++;
                    if (format != ChatFormat.V3 && i % 8 == 0)
                    {
                        ChatPrompt prompt = template.Encode(TestTokenizers.V31, conversation);
                        Assert.Equal(text, TestTokenizers.V31.Decode(prompt.Ids.Span));
                    }
                }
                catch (ConversationException e)
                {
                    refused++;
                    Assert.NotEmpty(e.Path);
                }
                catch (Exception e) when (e is not Xunit.Sdk.XunitException)
                {
                    Assert.Fail($"{format}: {json}\n{e}");
                }
            }
        }
        Assert.InRange(rendered, Requests / 4, int.MaxValue);
        Assert.InRange(refused, Requests / 4, int.MaxValue);
    }

    private static string Mutate(Random random)
    {
        JsonNode request = JsonNode.Parse(Request)!;
        for (int count = random.Next(1, 4); count > 0; count--)
        {
            List<JsonNode> containers = [.. Containers(request)];
            JsonNode container = containers[random.Next(containers.Count)];
            JsonNode? value = JsonNode.Parse(s_values[random.Next(s_values.Length)]);
            bool isRemoved = random.Next(3) == 0;
            if (container is JsonObject members)
            {
                string name =
                    members.Count == 0 ? "type" : members.ElementAt(random.Next(members.Count)).Key;
                if (random.Next(8) == 0)
                    name = random.Next(2) == 0 ? "LONE" : "thinking";
                if (isRemoved)
                    members.Remove(name);
                else
                    members[name] = value;
            }
            else if (container is JsonArray elements)
            {
                int index = random.Next(elements.Count + 1);
                if (isRemoved && index < elements.Count)
                    elements.RemoveAt(index);
                else if (index < elements.Count && random.Next(2) == 0)
                    elements.Add(elements[index]?.DeepClone());
                else
                    elements.Insert(index, value);
            }
        }
        return request.ToJsonString().Replace("LONE", "\\ud800", StringComparison.Ordinal);
    }

    private static IEnumerable<JsonNode> Containers(JsonNode node)
    {
        IEnumerable<JsonNode?> children = node switch
        {
            JsonObject members => members.Select(member => member.Value),
            JsonArray elements => elements,
            _ => [],
        };
        return node is JsonValue
            ? []
            : [node, .. children.OfType<JsonNode>().SelectMany(Containers)];
    }
}
