using System.Globalization;
using Hadal.Caching;

namespace Hadal.Model;

/// <content>What caches of it hold.</content>
public sealed unsafe partial class DeepSeekModel
{
    /// <summary>What decides the content of a cache besides the tokens.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    private CacheIdentity IdentifyCache()
    {
        _use.Enter(this);
        try
        {
            return new CacheIdentity([
                ("checkpoint", _fingerprint.Value),
                ("numerics revision", Text(NumericsRevision.Current)),
                ("device", $"{Device.Kind} {Device.Isa}"),
                ("activations", $"{Options.Activations}"),
                ("prefill form", $"{Options.PrefillForm}"),
                ("index top-k", Text(Options.IndexTopK ?? Config.Indexer?.TopK ?? 0)),
                ("cache format", $"{CacheLayout.Format}"),
                ("layers", Text(CacheLayout.Layers)),
            ]);
        }
        finally
        {
            _use.Exit();
        }

        static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
