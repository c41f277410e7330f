namespace Hadal.Tests;

/// <summary>Tests that look at the memory or threads of the process, so that no other may run beside them.</summary>
[CollectionDefinition(nameof(WholeProcess), DisableParallelization = true)]
public sealed class WholeProcess;
