namespace Hadal.Tests.Server.Recorded;

/// <summary>Requests in the form that programs send.</summary>
internal static class RecordedRequests
{
    /// <summary>The body of one.</summary>
    /// <param name="name">The file's name without its end.</param>
    public static string Read(string name) =>
        File.ReadAllText(
            Path.Combine(Paths.Root, "tests", "Hadal.Tests", "Server", "Recorded", $"{name}.json")
        );
}
