namespace Hadal.Load.Plans;

/// <summary>A request of a <see cref="LoadPlan"/>.</summary>
/// <param name="Index">Which, from 0; it decides the prompt and the seed.</param>
/// <param name="Leaving">How it leaves.</param>
/// <param name="Moment">When it leaves, from 0, the start, to 1, about the end.</param>
/// <param name="IsCompared">Whether its answer is compared with the one alone.</param>
internal readonly record struct PlannedRequest(
    int Index,
    Leaving Leaving,
    double Moment,
    bool IsCompared
);
