using System.Security.Cryptography;
using Hadal.Answering;
using Hadal.Caching;
using Hadal.Generation;

namespace Hadal.Server.Loading;

/// <summary>A model that answers, and all that it stands on.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly IDisposable[] _owned;

    /// <param name="chat">Answers.</param>
    /// <param name="sampling">How tokens are chosen where a request doesn't say.</param>
    /// <param name="owned">What is disposed with it, in order.</param>
    public LoadedModel(ChatEngine chat, SamplingOptions sampling, params IDisposable[] owned)
    {
        _owned = owned;
        Chat = chat;
        Sampling = sampling;
        byte[] identity = chat.Engine.Cache.IdentityFor(new PrefixKey("")).ToBytes();
        Fingerprint = $"fp_{Convert.ToHexStringLower(SHA256.HashData(identity))[..12]}";
    }

    public ChatEngine Chat { get; }

    public SamplingOptions Sampling { get; }

    /// <summary>Of all that decides the bits of an answer besides the request: checkpoint, device, numerics.</summary>
    public string Fingerprint { get; }

    public void Dispose()
    {
        foreach (IDisposable owned in _owned)
            owned.Dispose();
    }
}
