namespace Hadal.Model;

/// <summary>What is drafted after a sequence of a step.</summary>
/// <param name="Kept">How many of its tokens in the step are kept, at least 1: drafts follow the last.</param>
/// <param name="Count">How many tokens are drafted; 0 for none.</param>
internal record struct DraftPlan(int Kept, int Count);
