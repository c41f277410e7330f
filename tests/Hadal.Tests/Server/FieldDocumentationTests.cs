using Hadal.Server.Chat;
using Hadal.Server.Completions;
using Hadal.Server.Messages;
using Hadal.Server.Requests;
using Hadal.Server.Responses;

namespace Hadal.Tests.Server;

/// <summary>The server's README tells each field of each API as the code has it.</summary>
public sealed class FieldDocumentationTests
{
    private static readonly Dictionary<string, FieldTable> s_apis = new()
    {
        ["/v1/chat/completions"] = ChatCompletionRequest.Fields,
        ["/v1/completions"] = CompletionRequest.Fields,
        ["/v1/responses"] = ResponsesRequest.Fields,
        ["/v1/messages"] = MessagesRequest.Fields,
    };

    public static TheoryData<string> Apis { get; } = [.. s_apis.Keys];

    [Theory]
    [MemberData(nameof(Apis))]
    public void The_readme_has_the_three_tables(string path)
    {
        FieldTable fields = s_apis[path];
        string expected = $"""
            ### `{path}`

            - **Honoured**: {Names(fields.Honoured)}
            - **Accepted without effect**: {Names(fields.WithoutEffect)}
            - **Refused by name**: {string.Join(
                ", ",
                fields.Refused.OrderBy(field => field.Key, StringComparer.Ordinal)
                    .Select(field => $"`{field.Key}` ({field.Value})")
            )}

            """;
        Assert.Contains(
            expected,
            File.ReadAllText(Path.Combine(Paths.Root, "src", "Hadal.Server", "README.md")),
            StringComparison.Ordinal
        );
    }

    private static string Names(IEnumerable<string> fields) =>
        string.Join(", ", fields.Order(StringComparer.Ordinal).Select(field => $"`{field}`"));
}
