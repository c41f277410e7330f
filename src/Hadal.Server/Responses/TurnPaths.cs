namespace Hadal.Server.Responses;

/// <summary>Where a turn is in the request.</summary>
/// <param name="Turn">The item that it begins with: <c>input[2]</c>.</param>
/// <param name="Calls">The items of its calls.</param>
internal sealed record TurnPaths(string Turn, IReadOnlyList<string> Calls);
