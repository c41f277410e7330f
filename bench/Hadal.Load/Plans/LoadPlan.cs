namespace Hadal.Load.Plans;

/// <summary>What is asked of a server, the same for the same <see cref="Seed"/>.</summary>
internal sealed record LoadPlan
{
    /// <summary>The server's address, without path.</summary>
    public required Uri Server { get; init; }

    /// <summary>Whether requests are chats; else they go on with tokens.</summary>
    public bool IsChat { get; init; }

    /// <summary>The field <c>model</c>; null to leave it out.</summary>
    public string? Model { get; init; }

    /// <summary>The key; null for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Clients at once, each with one request after another.</summary>
    public required int Connections { get; init; }

    /// <summary>Whether a client's requests go over one connection; else each has one of its own.</summary>
    public bool ReusesConnections { get; init; } = true;

    /// <summary>Requests of all clients.</summary>
    public int Requests { get; init; } = int.MaxValue;

    /// <summary>How long new requests begin; null until all are done.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Tokens of a prompt; in a chat, words.</summary>
    public int PromptTokens { get; init; } = 64;

    /// <summary>Those of them that all prompts begin with.</summary>
    public int SharedTokens { get; init; }

    /// <summary>Prompts have the ids from 3 to this, which is not among them.</summary>
    public int Vocabulary { get; init; } = 1000;

    /// <summary>Tokens generated for a request.</summary>
    public int MaxTokens { get; init; } = 32;

    /// <summary>The requests' temperature; each has a seed of its own.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The part of the requests that leave by a reset.</summary>
    public double Disconnects { get; init; }

    /// <summary>The part of the requests that leave after some chunks.</summary>
    public double Cancels { get; init; }

    /// <summary>The part of the answers that are compared with the answer to the request alone.</summary>
    public double Compared { get; init; }

    /// <summary>Seed of prompts, of who leaves when, and of what is compared.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The server's process, whose processor time is measured; null for none.</summary>
    public int? ServerProcess { get; init; }

    /// <summary>Where requests go.</summary>
    public string Path => IsChat ? "/v1/chat/completions" : "/v1/completions";

    /// <summary>What a request does.</summary>
    public PlannedRequest Request(int index)
    {
        var random = new SplitMix64(Seed ^ ((ulong)index << 32));
        double leaving = random.NextUnit();
        return new PlannedRequest(
            index,
            leaving < Disconnects ? Leaving.Disconnects
                : leaving < Disconnects + Cancels ? Leaving.Cancels
                : Leaving.Never,
            random.NextUnit(),
            random.NextUnit() < Compared
        );
    }
}
