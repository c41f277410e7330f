namespace Hadal.Model;

/// <summary>Where a module's weights are: on which device, and which part of their rows.</summary>
/// <param name="Device">The device.</param>
/// <param name="Shard">The part of the rows of those linears that are dealt out; all of it while there is one.</param>
internal readonly record struct Placement(Device Device, Shard Shard);
