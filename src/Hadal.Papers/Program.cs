// Makes the papers of a package from what goes into it: THIRD-PARTY-NOTICES.txt and sbom.cdx.json (src/Papers.targets).
//
//   Hadal.Papers PACKAGE VERSION open|closed NUGET-ROOT FOLDER
//
// FOLDER holds
//   contents.txt    a line SOURCE|PATH for each file of the package
//   published.txt   of a tool, a line PUBLISH-FOLDER|PATH|SOURCE for each file that was copied to be published
//   bom.json        the CycloneDX tool's bill of the project
// and gets the papers. A closed package has no dependencies.
using System.Text.Json.Nodes;
using Hadal.Papers;

if (args is not [var package, var version, "open" or "closed", var nugetRoot, var folder])
{
    Console.Error.WriteLine("usage: Hadal.Papers PACKAGE VERSION open|closed NUGET-ROOT FOLDER");
    return 2;
}
try
{
    var inventory = new Inventory(PackageContents.Read(folder), nugetRoot);
    JsonObject bill = JsonNode
        .Parse(File.ReadAllText(Path.Combine(folder, "bom.json")))!
        .AsObject();
    File.WriteAllText(
        Path.Combine(folder, "THIRD-PARTY-NOTICES.txt"),
        NoticeFile.Write($"{package} {version}", inventory.Components)
    );
    File.WriteAllText(
        Path.Combine(folder, "sbom.cdx.json"),
        Bill.Write(bill, package, args[2] == "closed", inventory)
    );
    return 0;
}
catch (PapersException exception)
{
    Console.Error.WriteLine($"{package}: error HADAL0001: {exception.Message}");
    return 1;
}
