using System.Text.Json;
using Hadal.Tests.Model;

namespace Hadal.Tests.Server.Responses;

/// <summary><c>/v1/responses</c> with V3.1's format, whose calls are JSON.</summary>
public sealed class ResponsesMarkedFormatTests : IAsyncLifetime
{
    private const string Tools =
        """ "tools":[{"type":"custom","name":"patch","format":{"type":"grammar","syntax":"regex","definition":"[a-f\\n\"é]{4,9}"}},{"type":"function","name":"shut"}] """;

    private readonly ChatModels _models = new();
    private ServerApp _app = null!;

    public async ValueTask InitializeAsync() =>
        _app = await ServerApp.StartAsync(
            _models.V31,
            configure: options =>
            {
                options.Threads = 2;
                options.CacheTokens = ChatModels.ContextTokens;
            }
        );

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _models.Dispose();
    }

    [Fact]
    public async Task Custom_tool_is_called_and_answered()
    {
        string body =
            $$$"""{"input":"x","temperature":1,"seed":3,"max_output_tokens":300,{{{Tools}}},"tool_choice":{"type":"custom","name":"patch"}}""";
        JsonElement whole = await _app.PostAsync(ResponseStream.Path, body);
        JsonElement streamed = ResponseStream.Final(await _app.EventsAsync(body));
        Assert.Equal(whole.Output(), streamed.Output());
        JsonElement[] calls = [.. whole.GetProperty("output").EnumerateArray()];
        Assert.All(calls, call => Assert.Matches("^[a-f\\n\"é]{4,9}\\z", call.Text("input")));
        IEnumerable<string> results = calls.Select(call =>
            $$"""{"type":"custom_tool_call_output","call_id":"{{call.Text("call_id")}}","output":"done"}"""
        );
        string items = string.Join(',', [.. calls.Select(c => c.GetRawText()), .. results]);
        JsonElement next = await _app.PostAsync(
            ResponseStream.Path,
            $$"""{"input":[{"role":"user","content":"x"},{{items}}],{{Tools}},"max_output_tokens":1,"ignore_eos":true}"""
        );
        Assert.Equal("incomplete", next.Text("status"));
    }

    [Fact]
    public async Task Thoughts_and_tools_exclude_each_other()
    {
        JsonElement error = await _app.RefusalAsync(
            ResponseStream.Path,
            $$$"""{"input":"x",{{{Tools}}},"reasoning":{"effort":"low"}}"""
        );
        Assert.Equal("reasoning", error.Text("param"));
    }
}
