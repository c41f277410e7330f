namespace Hadal.Tests.Cli.Pulling;

/// <summary>What a <see cref="HubStub"/> answers, right or wrong.</summary>
internal sealed record StubReply(int Status, byte[] Body)
{
    /// <summary>Header lines.</summary>
    public string[] Headers { get; init; } = [];

    /// <summary>What it says of the body's length; null says nothing, and the connection's end is the body's.</summary>
    public long? Length { get; init; } = Body.Length;

    /// <summary>Ends the connection after this many bytes of the body, all of which arrive.</summary>
    public int? BreakAfter { get; init; }

    /// <summary>Resets the connection at its end: of what was sent, some may be lost on its way.</summary>
    public bool IsReset { get; init; }

    /// <summary>Sends the body over and over until nobody reads it.</summary>
    public bool IsEndless { get; init; }

    /// <summary>Is waited for after the headers.</summary>
    public Task? Until { get; init; }

    public static StubReply Redirect(string address) =>
        new(302, []) { Headers = [$"Location: {address}"] };
}
