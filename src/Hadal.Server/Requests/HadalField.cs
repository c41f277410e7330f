using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Requests;

/// <summary>The field <c>hadal</c>: what is told besides OpenAI's API, and only to those who ask.</summary>
/// <param name="Selection">Whether each generated token tells which tokens attention chose.</param>
/// <param name="Timings">Whether the usage comes with times and drafts.</param>
internal readonly record struct HadalField(bool Selection, bool Timings)
{
    public const string Name = "hadal";

    private const string SelectionField = "selection";
    private const string TimingsField = "timings";

    /// <exception cref="ApiException">It is not as it must be, or can't be had.</exception>
    public static HadalField Read(JsonFields request, StreamFields stream, HadalOptions options)
    {
        if (request.OptionalObject(Name) is not { } field)
            return default;
        foreach (string other in field.Names.Except([SelectionField, TimingsField]))
            throw field.Bad(other, $"is not known; there are {SelectionField} and {TimingsField}");
        var read = new HadalField(field.IsTrue(SelectionField), field.IsTrue(TimingsField));
        if (read.Selection && !options.RecordSelection)
            throw field.Bad(
                SelectionField,
                $"is not recorded by this server; start it with --record-selection, or set {HadalOptions.Section}:{nameof(HadalOptions.RecordSelection)}"
            );
        if (read.Timings && stream is { IsStreamed: true, IncludesUsage: false })
            throw field.Bad(
                TimingsField,
                "comes with the usage; send stream_options with include_usage true"
            );
        return read;
    }
}
