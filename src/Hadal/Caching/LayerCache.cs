using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>The caches of one layer.</summary>
internal readonly record struct LayerCache(MlaPages Mla, IndexPages Index);
