using System.Globalization;
using Hadal.Server.Http;

namespace Hadal.Cli.Batching;

/// <summary>A line of a batch.</summary>
/// <param name="Number">Which line of the file, from 1.</param>
/// <param name="FileBytes">Bytes that it takes in the file.</param>
internal sealed record BatchRequest(int Number, long FileBytes)
{
    /// <summary>What an <see cref="Id"/> begins with, before the line's number.</summary>
    public const string IdPrefix = "batch_req_";

    /// <summary>What the output calls it.</summary>
    public string Id => string.Create(CultureInfo.InvariantCulture, $"{IdPrefix}{Number}");

    /// <summary>Its author's name for it; null where it can't be read.</summary>
    public string? CustomId { get; init; }

    /// <summary>The endpoint; empty where there is an <see cref="Error"/>.</summary>
    public string Path { get; init; } = "";

    /// <summary>The request's body; of an <see cref="Error"/>, nothing.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Why it can't be sent; null where it can.</summary>
    public ApiException? Error { get; init; }
}
