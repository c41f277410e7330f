namespace Hadal.Cli.Measuring;

/// <summary>A loss is no finite number: the model's logits are not.</summary>
/// <param name="window">Which window, from 0.</param>
/// <param name="position">The token that was foretold, from the window's first, 0.</param>
/// <param name="loss">NaN or infinite.</param>
internal sealed class LossException(int window, int position, double loss)
    : HadalException(
        FormattableString.Invariant(
            $"the loss of window {window} at position {position} is {loss}: the model's logits there are not finite numbers"
        )
    );
