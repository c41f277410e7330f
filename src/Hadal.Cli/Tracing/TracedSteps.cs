using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Cli.Tracing;

/// <summary>What a model does with a prompt and the tokens after it, step by step, and the file of it.</summary>
internal sealed class TracedSteps
{
    private readonly DeepSeekModel _model;
    private readonly List<float[]> _logits = [];
    private readonly List<LayerTrace[]> _layers = [];
    private readonly List<TokenSelection> _selections = [];

    private TracedSteps(DeepSeekModel model, int[] prompt)
    {
        _model = model;
        Prompt = prompt;
    }

    public int[] Prompt { get; }

    /// <summary>The token of each step: it follows the step's logits, and is what the next step is fed.</summary>
    public List<int> Tokens { get; } = [];

    /// <summary>What attention saw when each of <see cref="Tokens"/> was foretold.</summary>
    public IReadOnlyList<TokenSelection> Selections => _selections;

    /// <summary>Runs the prompt, then a step for each token but the last.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">Ids, at least one.</param>
    /// <param name="forced">The continuation; null for the most probable tokens.</param>
    /// <param name="steps">The number of steps, that of the forced tokens where there are any.</param>
    /// <param name="cancellationToken">Looked at between layers.</param>
    public static TracedSteps Run(
        DeepSeekModel model,
        int[] prompt,
        int[]? forced,
        int steps,
        CancellationToken cancellationToken
    )
    {
        var traced = new TracedSteps(model, prompt);
        using PagedCache cache = model.CreateCache(prompt.Length + steps);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        var trace = new ModelTrace();
        batch.Trace = trace;
        for (int step = 0; step < steps; step++)
        {
            ReadOnlySpan<int> tokens = step == 0 ? prompt : [traced.Tokens[^1]];
            RowKind kind = step == 0 ? RowKind.Prefill : RowKind.Decode;
            float[] logits = Feed(model, batch, sequence, tokens, kind, cancellationToken);
            traced._logits.Add(logits);
            traced._selections.Add(batch.SelectionOf(0)!);
            traced._layers.Add([.. trace.Layers.Values]);
            traced.Tokens.Add(forced?[step] ?? Best(logits));
        }
        return traced;
    }

    /// <summary>Writes the tensors that the goldens' README describes.</summary>
    /// <param name="path">The file.</param>
    public void Write(string path)
    {
        string logits =
            _model.Options.Activations == ActivationMode.Float32 ? "logits_f32" : "logits_bf16";
        List<(TensorDeclaration Declaration, Action<SafetensorsWriter, string> Write)> tensors =
        [
            Whole("ids", Prompt),
            Whole("tokens", [.. Tokens]),
            Rows(logits, DType.F32, _logits),
        ];
        for (int i = 0; i < _layers[0].Length; i++)
        {
            LayerTrace[] steps = [.. _layers.Select(layers => layers[i])];
            tensors.Add(Rows($"hidden.{i}", DType.F32, [.. steps.Select(s => s.Hidden)]));
            if (steps[0].Index is not null)
                tensors.Add(Rows($"index.{i}", DType.I32, [.. steps.Select(s => s.Index!)]));
            if (steps[0].Experts is null)
                continue;
            tensors.Add(Rows($"experts.{i}", DType.I32, [.. steps.Select(s => s.Experts!)]));
            tensors.Add(
                Rows($"expert_weights.{i}", DType.F32, [.. steps.Select(s => s.ExpertWeights!)])
            );
        }
        using SafetensorsWriter writer = SafetensorsWriter.Create(
            path,
            tensors.Select(tensor => tensor.Declaration)
        );
        foreach (
            (TensorDeclaration declaration, Action<SafetensorsWriter, string> write) in tensors
        )
            write(writer, declaration.Name);
        writer.Complete();
    }

    private static (TensorDeclaration, Action<SafetensorsWriter, string>) Whole(
        string name,
        int[] values
    ) =>
        (
            new TensorDeclaration(name, DType.I32, values.Length),
            (writer, to) => writer.Write<int>(to, values)
        );

    private static (TensorDeclaration, Action<SafetensorsWriter, string>) Rows<T>(
        string name,
        DType type,
        List<T[]> rows
    )
        where T : unmanaged =>
        (
            new TensorDeclaration(name, type, rows.Count, rows[0].Length),
            (writer, to) => rows.ForEach(row => writer.Write<T>(to, row))
        );

    /// <summary>Feeds tokens, in chunks that a step takes; the logits are those of the last.</summary>
    private static float[] Feed(
        DeepSeekModel model,
        StepBatch batch,
        CachedSequence sequence,
        ReadOnlySpan<int> tokens,
        RowKind kind,
        CancellationToken cancellationToken
    )
    {
        for (
            ;
            tokens.Length > model.Options.MaxStepTokens;
            tokens = tokens[model.Options.MaxStepTokens..]
        )
        {
            batch.Clear();
            batch.Add(sequence, tokens[..model.Options.MaxStepTokens], kind, LogitRows.None);
            model.Forward(batch, cancellationToken);
        }
        batch.Clear();
        batch.Add(sequence, tokens, kind);
        batch.RecordSelections(1);
        return model.Forward(batch, cancellationToken)[0].ToArray();
    }

    private static int Best(float[] logits) => Array.IndexOf(logits, logits.Max());
}
