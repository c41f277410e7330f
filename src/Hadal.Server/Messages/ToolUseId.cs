namespace Hadal.Server.Messages;

/// <summary>Ids of calls, which Anthropic's API begins with other letters.</summary>
internal static class ToolUseId
{
    private const string Here = "toolu_";
    private const string Engine = "call_";

    /// <summary>What this API calls a call.</summary>
    public static string Of(string callId) => Swap(callId, Engine, Here);

    /// <summary>The id that the engine gave a call; any other text as it is.</summary>
    public static string Read(string toolUseId) => Swap(toolUseId, Here, Engine);

    private static string Swap(string id, string from, string to) =>
        id.StartsWith(from, StringComparison.Ordinal) ? to + id[from.Length..] : id;
}
