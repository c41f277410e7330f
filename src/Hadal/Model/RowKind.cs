namespace Hadal.Model;

/// <summary>What the tokens given for a sequence are. It decides the form of their attention, and whether a step is recorded.</summary>
public enum RowKind
{
    /// <summary>Tokens of a prompt: their attention takes the form that <see cref="ModelOptions.PrefillForm"/> says.</summary>
    Prefill,

    /// <summary>The token generated last. Attention is absorbed.</summary>
    Decode,

    /// <summary>
    /// The token generated last and drafts of those after it, to be verified. Attention is absorbed, so that each token has
    /// the bits that <see cref="Decode"/> gives it.
    /// </summary>
    Verify,
}
