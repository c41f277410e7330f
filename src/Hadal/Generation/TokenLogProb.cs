namespace Hadal.Generation;

/// <summary>How probable a token was.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="LogProb">
/// The natural logarithm of its probability: the log-softmax of the model's own logits, before bias, penalties, temperature
/// and what else <see cref="SamplingOptions"/> say.
/// </param>
public readonly record struct TokenLogProb(int Id, float LogProb);
