using CsCheck;
using Hadal.Model;

namespace Hadal.Tests.Inference;

/// <summary>Requests at random, and what they run on.</summary>
/// <param name="Model">Which model.</param>
/// <param name="Threads">Threads that compute.</param>
/// <param name="Step">Which sizes of steps.</param>
/// <param name="Form">The form of attention of prompts.</param>
/// <param name="MorePages">Pages of the cache beyond those that the longest text needs.</param>
/// <param name="Drafts">Tokens guessed ahead; 4 for as it pays.</param>
/// <param name="Requests">The requests.</param>
internal sealed record Schedule(
    int Model,
    int Threads,
    int Step,
    PrefillForm Form,
    int MorePages,
    int Drafts,
    PlannedRequest[] Requests
)
{
    // The trained one has a predictor whose guesses are often right.
    private static readonly string[] s_models = ["random-a", "random-v3", "kjv-shakespeare"];

    private static readonly ModelOptions[] s_steps =
    [
        new()
        {
            MaxStepTokens = 64,
            MaxSequences = 8,
            MaxLogitRows = 16,
        },
        new()
        {
            MaxStepTokens = 17,
            MaxSequences = 3,
            MaxLogitRows = 3,
        },
        new()
        {
            MaxStepTokens = 200,
            MaxSequences = 4,
            MaxLogitRows = 5,
        },
    ];

    private static readonly Gen<PlannedRequest> s_request = Gen.Select(
        Gen.Select(Gen.Int[0, 25], Gen.Int[0, 2], Length(), Gen.Int[0, 70]),
        Gen.Select(Gen.Int[1, 14], Gen.Int[1, 3], Gen.Int[0, PlannedRequest.Kinds - 1]),
        Gen.Select(Gen.Int[0, 60], Gen.Int[-1, 3]),
        static (prompt, text, rest) =>
            new PlannedRequest(
                prompt.Item1,
                prompt.Item2,
                prompt.Item3,
                Math.Min(prompt.Item4, prompt.Item3),
                text.Item1,
                text.Item2,
                text.Item3,
                rest.Item1,
                rest.Item2
            )
    );

    /// <summary>All that a schedule may be.</summary>
    public static Gen<Schedule> Any { get; } =
        Gen.Select(
            Gen.Select(
                Gen.Int[0, s_models.Length - 1],
                Gen.Int[1, 2],
                Gen.Int[0, s_steps.Length - 1],
                Gen.OneOf(Gen.Const(PrefillForm.Absorbed), Gen.Const(PrefillForm.ByPosition)),
                Gen.Int[0, 4]
            ),
            Gen.OneOf(Gen.Int[0, 1], Gen.Int[0, 12]),
            s_request.Array[1, 8],
            static (model, pages, requests) =>
                new Schedule(
                    model.Item1,
                    model.Item2,
                    model.Item3,
                    model.Item4,
                    pages,
                    model.Item5,
                    requests
                )
        );

    public string ModelName => s_models[Model];

    public ModelOptions Options =>
        s_steps[Step] with
        {
            MaxContextTokens = 256,
            LoadPredictor = true,
            PrefillForm = Form,
        };

    public int CacheTokens =>
        (Requests.Max(r => r.Length + r.MaxTokens + 63) / 64 + MorePages) * 64;

    // Often at the borders of pages.
    private static Gen<int> Length() =>
        Gen.OneOf(
            Gen.Int[1, 150],
            Gen.Select(Gen.Int[1, 3], Gen.Int[-1, 1], static (pages, off) => 64 * pages + off)
        );
}
