namespace Hadal.Cli.Synthesis;

/// <summary>Which scales the blocks of FP8 weights have.</summary>
internal enum ScaleKind
{
    /// <summary>Powers of two, as in V3.1 and V3.2.</summary>
    PowersOfTwo,

    /// <summary>Any, as in V3 and R1.</summary>
    General,
}
