namespace Hadal.Grammars;

/// <summary>What is to be known of a state of <see cref="GrammarStates"/>.</summary>
/// <param name="MayEnd">The whole text may end here.</param>
/// <param name="Counts">It is in a text whose characters are counted.</param>
/// <param name="IsBetween">Of such a text all characters are whole.</param>
/// <param name="StringRoom">
/// It is in a JSON string, between characters, and so many of any kind may come, and none but those in another reading of the
/// text; −1 where it is not so.
/// </param>
/// <param name="IsInText">It is in a text that goes on up to a trigger, none of which has come.</param>
internal readonly record struct StateTraits(
    bool MayEnd,
    bool Counts,
    bool IsBetween,
    int StringRoom,
    bool IsInText
);
