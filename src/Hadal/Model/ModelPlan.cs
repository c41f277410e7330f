using System.Collections.Immutable;
using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// What a configuration, options and a device make of a model: which weights are loaded and how they are kept, what a cache
/// holds, and how large steps are. Loading follows it, and memory needs are told by it.
/// </summary>
internal sealed class ModelPlan
{
    private const int MostHostBytes = int.MaxValue;

    /// <exception cref="ArgumentException">The options do not suit the configuration or the device.</exception>
    public ModelPlan(DeepSeekConfig config, ModelOptions options, Device device)
        : this(config, options, new Placement(device, Shard.Whole)) { }

    /// <exception cref="ArgumentException">The options do not suit the configuration or the device.</exception>
    public ModelPlan(DeepSeekConfig config, ModelOptions options, Placement placement)
    {
        Device device = placement.Device;
        Config = config;
        Options = options;
        Placement = placement;
        MaxContextTokens = options.MaxContextTokens ?? config.MaxPositionEmbeddings;
        if (MaxContextTokens > config.MaxPositionEmbeddings)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                MaxContextTokens,
                $"{nameof(ModelOptions.MaxContextTokens)} must be at most the config's max_position_embeddings, {config.MaxPositionEmbeddings}"
            );
        if (options.Activations == ActivationMode.Float32 && !device.RunsFloat32)
            throw new ArgumentException(
                $"{nameof(ModelOptions.Activations)} is {options.Activations}, which {device} does not run; it must be {ActivationMode.BFloat16} there, or the device the CPU",
                nameof(options)
            );
        Activations =
            options.Activations == ActivationMode.Float32
                ? hd_dtype.HD_DTYPE_F32
                : hd_dtype.HD_DTYPE_BF16;
        HasPredictor = options.LoadPredictor && config.NumNextnPredictLayers > 0;
        StepOptions = Fit(options, MaxContextTokens);
        StepLayout = new StepLayout(StepOptions, MaxContextTokens, ExpandedTokens);
        RequireSteps();
        if (ExpandedTokens > 0)
            RequireExpandedForm();
        CacheLayout = new CacheLayout(
            (config.Indexer is null, options.Activations) switch
            {
                (false, ActivationMode.BFloat16) => hd_mla_format.HD_MLA_FP8,
                (false, _) => hd_mla_format.HD_MLA_FP8_F32,
                (true, ActivationMode.BFloat16) => hd_mla_format.HD_MLA_BF16,
                (true, _) => hd_mla_format.HD_MLA_F32,
            },
            config.Indexer is { } indexer
                ?
                [
                    .. Enumerable
                        .Range(0, Layers)
                        .Select(i => indexer.KindOf(i) == IndexerKind.Full),
                ]
                : ImmutableArray.CreateRange(new bool[Layers])
        );
    }

    public DeepSeekConfig Config { get; }

    /// <summary>The options as they were given.</summary>
    public ModelOptions Options { get; }

    /// <summary>The options, with tokens, sequences and rows of logits cut to what a step can hold at the most.</summary>
    public ModelOptions StepOptions { get; }

    /// <summary>How a step's tokens are told to the device.</summary>
    public StepLayout StepLayout { get; }

    public Device Device => Placement.Device;

    /// <summary>Where the modules' weights go.</summary>
    public Placement Placement { get; }

    /// <summary>The most tokens of one sequence.</summary>
    public int MaxContextTokens { get; }

    /// <summary>The type of activations.</summary>
    public hd_dtype Activations { get; }

    /// <summary>Whether the multi-token predictor is loaded.</summary>
    public bool HasPredictor { get; }

    /// <summary>Layers that are loaded, the predictor's included: those of the lowest numbers.</summary>
    public int Layers => Config.NumHiddenLayers + (HasPredictor ? 1 : 0);

    /// <summary>What a cache of the model holds.</summary>
    public CacheLayout CacheLayout { get; }

    /// <summary>
    /// Columns of the indexer's choice; 0 without an indexer. More than the context's tokens, rounded up, would choose no
    /// more.
    /// </summary>
    public int TopK =>
        Options.IndexTopK is { } kept
            ? (int)
                Math.Min(kept, (long)PagedCache.PagesFor(MaxContextTokens) * PagedCache.PageTokens)
            : Config.Indexer?.TopK ?? 0;

    /// <summary>
    /// Tokens of a sequence that the expanded form serves, from the first on. Absorbed attention over the chosen tokens
    /// costs what expanded attention over 1.9 times as many does, its expansion of a chunk of 512 tokens taken in.
    /// </summary>
    public int ExpandedTokens =>
        Options.PrefillForm switch
        {
            PrefillForm.Absorbed => 0,
            PrefillForm.ByPosition when (Options.IndexTopK ?? Config.Indexer?.TopK) is { } kept =>
                (int)Math.Min(2L * kept, MaxContextTokens),
            _ => MaxContextTokens,
        };

    /// <summary>Whether a tensor of the checkpoint is loaded.</summary>
    public bool Loads(string tensor) =>
        WeightMap.LayerOf(tensor) is not { } layer || layer < Layers;

    /// <summary>Whether a tensor of the checkpoint is of multi-token prediction.</summary>
    public static bool IsOfPrediction(DeepSeekConfig config, string tensor) =>
        WeightMap.LayerOf(tensor) is { } layer && layer >= config.NumHiddenLayers;

    /// <summary>
    /// Whether kv_b_proj in FP8 blocks, whose heads are multiplied one by one, stays as it is: the device is good at that, and
    /// heads are whole blocks. Else it is expanded to the activations' type.
    /// </summary>
    public bool KeepsHeads(bool scalesArePowersOfTwo) =>
        scalesArePowersOfTwo
        && Activations == hd_dtype.HD_DTYPE_BF16
        && Device.MultipliesFp8Heads
        && HeadWeight.IsWhole(Config.Attention.NopeDim)
        && HeadWeight.IsWhole(Config.Attention.ValueDim);

    // Each sequence is in a step once, so that more tokens than all their contexts hold can't come.
    private static ModelOptions Fit(ModelOptions options, int context)
    {
        int tokens = (int)Math.Min(options.MaxStepTokens, (long)options.MaxSequences * context);
        return options with
        {
            MaxStepTokens = tokens,
            MaxSequences = Math.Min(options.MaxSequences, tokens),
            MaxLogitRows = Math.Min(options.MaxLogitRows, tokens),
        };
    }

    private void RequireSteps()
    {
        Require(
            Options,
            (long)StepOptions.MaxLogitRows * Config.VocabSize * sizeof(float),
            nameof(ModelOptions.MaxLogitRows),
            StepOptions.MaxLogitRows,
            $"with a vocabulary of {Config.VocabSize}"
        );
        Require(
            Options,
            StepLayout.Length * sizeof(int),
            nameof(ModelOptions.MaxSequences),
            StepOptions.MaxSequences,
            $"with contexts of {MaxContextTokens} tokens"
        );
    }

    /// <summary>Asks the device whether it runs heads of these widths; the absorbed form has none but the caches' own.</summary>
    private unsafe void RequireExpandedForm()
    {
        AttentionShape shape = Config.Attention;
        int heads = Config.NumAttentionHeads;
        using var memory = new DeviceMemory(Device, isCounting: true);
        using var kernels = new Kernels(memory);
        try
        {
            kernels.MaskedMha(
                Like(heads * shape.QueryHeadDim),
                heads,
                Like(heads * shape.KeyValueHeadDim),
                Like(shape.RopeDim),
                shape.ValueDim,
                null,
                null,
                TopK,
                Config.SoftmaxScale,
                Like(heads * shape.ValueDim)
            );
        }
        catch (NativeUnsupportedException e)
        {
            throw new ArgumentException(
                $"{nameof(ModelOptions.PrefillForm)} is {Options.PrefillForm}, which {Device} does not run for heads of {shape.NopeDim} + {shape.RopeDim} and {shape.ValueDim}; take {PrefillForm.Absorbed} ({e.Message})",
                "options",
                e
            );
        }

        DeviceTensor Like(int columns) => new(null, Activations, 1, columns, columns);
    }

    private static void Require(
        ModelOptions options,
        long hostBytes,
        string option,
        int value,
        string with
    )
    {
        if (hostBytes > MostHostBytes)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                value,
                $"{option} {with} makes a step's arrays take {hostBytes} bytes, must be at most {MostHostBytes}; lower it"
            );
    }
}
