using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hadal.Papers;

/// <summary>
/// The CycloneDX bill of materials of a package: what the CycloneDX tool tells of the project's packages, with what is
/// native, and each binary by its hash.
/// </summary>
internal static class Bill
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="project">The tool's bill of the project.</param>
    /// <param name="package">The id of the package.</param>
    /// <param name="closed">Whether the package has no dependencies, so that what it does not carry is no part of it.</param>
    public static string Write(JsonObject project, string package, bool closed, Inventory inventory)
    {
        JsonObject metadata = project["metadata"]!.AsObject();
        // The same package has the same bill.
        metadata.Remove("timestamp");
        JsonObject subject = metadata["component"]!.AsObject();
        string subjectRef = (string)subject["bom-ref"]!;
        subject["name"] = package;
        subject["purl"] = $"pkg:nuget/{package}@{subject["version"]}";

        Component[] inside = [.. inventory.Components];
        HashSet<string> carried = [.. inside.Select(component => component.Purl)];
        JsonArray components = project["components"]?.AsArray() ?? [];
        JsonObject[] kept =
        [
            .. components
                .Select(component => component!.AsObject())
                .Where(component => (string?)component["scope"] != "excluded")
                .Where(component =>
                    !closed || IsOwn(component) || carried.Contains(Purl(component))
                ),
        ];
        components.Clear();
        foreach (JsonObject component in kept)
            components.Add(component);
        HashSet<string> told = [.. kept.Select(Purl)];
        foreach (Component component in inside.Where(component => !told.Contains(component.Purl)))
            components.Add(Describe(component));
        foreach (JsonObject component in components.Select(component => component!.AsObject()))
        {
            if (inside.FirstOrDefault(c => c.Purl == Purl(component)) is { } found)
                component["evidence"] = Evidence(found);
        }
        foreach (Content binary in inventory.Binaries)
            components.Add(Describe(binary));
        project["components"] = components;
        project["dependencies"] = Dependencies(project, components, subjectRef);
        return project.ToJsonString(s_options) + "\n";
    }

    private static string Purl(JsonObject component) => (string?)component["purl"] ?? "";

    private static bool IsOwn(JsonObject component) =>
        (string?)component["name"] is { } name
        && (name == "Hadal" || name.StartsWith("Hadal.", StringComparison.Ordinal));

    private static JsonObject Describe(Component component)
    {
        var described = new JsonObject
        {
            ["type"] = "library",
            ["bom-ref"] = component.Purl,
            ["name"] = component.Name,
            ["scope"] = "required",
            ["licenses"] = new JsonArray(Licence(component.License)),
            ["purl"] = component.Purl,
            ["externalReferences"] = new JsonArray(
                new JsonObject { ["url"] = component.Url, ["type"] = "website" }
            ),
        };
        if (component.Version is not null)
            described["version"] = component.Version;
        return described;
    }

    private static JsonObject Licence(string license) =>
        license.StartsWith("LicenseRef-", StringComparison.Ordinal)
            ? new() { ["license"] = new JsonObject { ["name"] = license } }
            : new() { ["expression"] = license };

    private static JsonObject Describe(Content binary) =>
        new()
        {
            ["type"] = "file",
            ["bom-ref"] = $"file:{binary.Path}",
            ["name"] = binary.Path,
            ["hashes"] = new JsonArray(
                new JsonObject { ["alg"] = "SHA-256", ["content"] = binary.Sha256() }
            ),
        };

    private static JsonObject Evidence(Component component) =>
        new()
        {
            ["occurrences"] = new JsonArray([
                .. component.Binaries.Select(path => new JsonObject { ["location"] = path }),
            ]),
        };

    private static JsonArray Dependencies(JsonObject project, JsonArray components, string subject)
    {
        HashSet<string> known =
        [
            subject,
            .. components.Select(component => (string)component!["bom-ref"]!),
        ];
        var dependencies = new JsonArray();
        foreach (JsonNode? dependency in project["dependencies"]?.AsArray() ?? [])
        {
            if (!known.Contains((string)dependency!["ref"]!))
                continue;
            JsonObject kept = dependency.DeepClone().AsObject();
            kept["dependsOn"] = new JsonArray([
                .. (dependency["dependsOn"]?.AsArray() ?? [])
                    .Select(target => (string)target!)
                    .Where(known.Contains)
                    .Select(target => JsonValue.Create(target)),
            ]);
            dependencies.Add(kept);
        }
        return dependencies;
    }
}
