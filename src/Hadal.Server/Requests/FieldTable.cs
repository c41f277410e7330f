using System.Collections.Frozen;
using System.Text.Json;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Requests;

/// <summary>
/// The known fields of a request. Those in none of the three groups are accepted: clients send what other servers know.
/// </summary>
internal sealed class FieldTable
{
    /// <summary>Fields that do what the API says.</summary>
    public required IReadOnlyList<string> Honoured { get; init; }

    /// <summary>Fields that change nothing here.</summary>
    public required IReadOnlyList<string> WithoutEffect { get; init; }

    /// <summary>Fields that would change the answer and can't be had, with what to do instead.</summary>
    public required FrozenDictionary<string, string> Refused { get; init; }

    /// <exception cref="ApiException">A field that is refused is there, and not null, false or an empty array.</exception>
    public void Check(JsonFields request)
    {
        foreach ((string name, string instead) in Refused)
        {
            if (
                request.Optional(name) is { } value
                && value.ValueKind != JsonValueKind.False
                && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0)
            )
                throw ApiException.Field(name, $"is not supported; {instead}");
        }
    }
}
