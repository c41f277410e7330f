using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// The scratch of a batch, allocated once for the most tokens of a step and shared by the layers. What it shows has the
/// rows of the step that <see cref="Tokens"/> tells.
/// </summary>
internal sealed unsafe class Workspace
{
    private readonly DeviceTensor _residual;
    private readonly DeviceTensor _x;
    private readonly QuantizedTensor _xCodes;
    private readonly DeviceTensor _queryLatent;
    private readonly QuantizedTensor _queryLatentCodes;
    private readonly DeviceTensor _query;
    private readonly DeviceTensor _keyLatent;
    private readonly DeviceTensor _absorbedQuery;
    private readonly DeviceTensor _attended;
    private readonly DeviceTensor _values;
    private readonly QuantizedTensor _valueCodes;
    private readonly DeviceTensor _indexQuery;
    private readonly DeviceTensor _indexKey;
    private readonly DeviceTensor _indexWeights;
    private readonly DeviceTensor _indices;
    private readonly DeviceTensor _gated;
    private readonly QuantizedTensor _gatedCodes;
    private readonly DeviceTensor _routerLogits;
    private readonly DeviceTensor _expertIds;
    private readonly DeviceTensor _expertWeights;
    private readonly DeviceTensor _rowOf;
    private readonly QuantizedTensor _permuted;
    private readonly DeviceTensor _expertGated;
    private readonly QuantizedTensor _expertCodes;
    private readonly DeviceTensor _expertOutput;
    private readonly DeviceTensor _sharedOutput;
    private readonly DeviceTensor _joined;
    private readonly QuantizedTensor _joinedCodes;

    /// <param name="memory">Where it is allocated.</param>
    /// <param name="plan">The model's shapes and the sizes of its steps.</param>
    public Workspace(DeviceMemory memory, ModelPlan plan)
    {
        DeepSeekConfig config = plan.Config;
        hd_dtype act = plan.Activations;
        int tokens = plan.StepOptions.MaxStepTokens;
        int heads = config.NumAttentionHeads;
        ExpertAlignment = plan.Device.GroupAlignment;
        _residual = memory.Matrix(act, tokens, config.HiddenSize);
        _x = memory.Matrix(act, tokens, config.HiddenSize);
        _xCodes = memory.Quantized(tokens, config.HiddenSize);
        _queryLatent = memory.Matrix(act, tokens, config.QLoraRank);
        _queryLatentCodes = memory.Quantized(tokens, config.QLoraRank);
        _query = memory.Matrix(act, tokens, heads * DeepSeekConfig.QueryHeadDim);
        _keyLatent = memory.Matrix(act, tokens, NativeMethods.HD_MLA_DIM);
        _absorbedQuery = memory.Matrix(act, tokens, heads * NativeMethods.HD_MLA_DIM);
        _attended = memory.Matrix(act, tokens, heads * NativeMethods.HD_LATENT_DIM);
        _values = memory.Matrix(act, tokens, heads * DeepSeekConfig.ValueDim);
        _valueCodes = memory.Quantized(tokens, heads * DeepSeekConfig.ValueDim);
        if (config.Indexer is { } indexer)
        {
            _indexQuery = memory.Matrix(act, tokens, indexer.NumHeads * DeepSeekConfig.IndexDim);
            IndexQueryCodes = (byte*)memory.Allocate((long)tokens * _indexQuery.Columns);
            IndexQueryScales = (float*)
                memory.Allocate(
                    QuantizedTensor.AlignRows(tokens * indexer.NumHeads) * sizeof(float)
                );
            _indexKey = memory.Matrix(act, tokens, DeepSeekConfig.IndexDim);
            _indexWeights = memory.Matrix(hd_dtype.HD_DTYPE_F32, tokens, indexer.NumHeads);
            _indices = memory.Matrix(hd_dtype.HD_DTYPE_I32, tokens, plan.TopK);
            if (plan.ExpandedTokens > 0)
                ChosenPositions = (int*)memory.Allocate((long)tokens * plan.TopK * sizeof(int));
        }
        int intermediate = Math.Max(config.IntermediateSize, config.SharedIntermediateSize);
        _gated = memory.Matrix(act, tokens, intermediate);
        _gatedCodes = memory.Quantized(tokens, intermediate);

        int rows = ExpertRows(tokens, config.NumExpertsPerTok, config.NRoutedExperts);
        _routerLogits = memory.Matrix(hd_dtype.HD_DTYPE_F32, tokens, config.NRoutedExperts);
        _expertIds = memory.Matrix(hd_dtype.HD_DTYPE_I32, tokens, config.NumExpertsPerTok);
        _expertWeights = memory.Matrix(hd_dtype.HD_DTYPE_F32, tokens, config.NumExpertsPerTok);
        _rowOf = memory.Matrix(hd_dtype.HD_DTYPE_I32, tokens, config.NumExpertsPerTok);
        ExpertOfRow = (int*)memory.Allocate((long)rows * sizeof(int));
        _permuted = memory.Quantized(rows, config.HiddenSize);
        _expertGated = memory.Matrix(act, rows, config.MoeIntermediateSize);
        _expertCodes = memory.Quantized(rows, config.MoeIntermediateSize);
        _expertOutput = memory.Matrix(act, rows, config.HiddenSize);
        _sharedOutput = memory.Matrix(act, tokens, config.HiddenSize);
        if (!plan.HasPredictor)
            return;
        _joined = memory.Matrix(act, tokens, 2 * config.HiddenSize);
        _joinedCodes = memory.Quantized(tokens, 2 * config.HiddenSize);
    }

    /// <summary>Tokens of the step: the rows of everything below but the experts'.</summary>
    public int Tokens { get; set; }

    /// <summary>The residual stream, [tokens, hidden].</summary>
    public DeviceTensor Residual => _residual.Top(Tokens);

    /// <summary>
    /// What a block takes, where not <see cref="XCodes"/> alone, and what it leaves to be added to the residual stream,
    /// [tokens, hidden].
    /// </summary>
    public DeviceTensor X => _x.Top(Tokens);

    /// <summary>What a block takes, quantised.</summary>
    public QuantizedTensor XCodes => _xCodes.WithRows(Tokens);

    /// <summary>q_a_proj's output, [tokens, q_lora].</summary>
    public DeviceTensor QueryLatent => _queryLatent.Top(Tokens);

    /// <summary>qr, its norm, quantised.</summary>
    public QuantizedTensor QueryLatentCodes => _queryLatentCodes.WithRows(Tokens);

    /// <summary>[tokens, heads · (nope, rope)].</summary>
    public DeviceTensor Query => _query.Top(Tokens);

    /// <summary>[tokens, (latent, rope)].</summary>
    public DeviceTensor KeyLatent => _keyLatent.Top(Tokens);

    /// <summary>[tokens, heads · (latent, rope)].</summary>
    public DeviceTensor AbsorbedQuery => _absorbedQuery.Top(Tokens);

    /// <summary>What attention gives in the latent, [tokens, heads · 512].</summary>
    public DeviceTensor Attended => _attended.Top(Tokens);

    /// <summary>[tokens, heads · v].</summary>
    public DeviceTensor Values => _values.Top(Tokens);

    /// <summary><see cref="Values"/>, quantised.</summary>
    public QuantizedTensor ValueCodes => _valueCodes.WithRows(Tokens);

    /// <summary>[tokens, index heads · 128].</summary>
    public DeviceTensor IndexQuery => _indexQuery.Top(Tokens);

    /// <summary><see cref="IndexQuery"/>, quantised: e4m3 [tokens, index heads, 128].</summary>
    public byte* IndexQueryCodes { get; }

    /// <summary>f32 [tokens, index heads].</summary>
    public float* IndexQueryScales { get; }

    /// <summary>[tokens, 128].</summary>
    public DeviceTensor IndexKey => _indexKey.Top(Tokens);

    /// <summary>f32 [tokens, index heads].</summary>
    public DeviceTensor IndexWeights => _indexWeights.Top(Tokens);

    /// <summary>The slots that each token attends to, i32 [tokens, top-k], then −1.</summary>
    public DeviceTensor Indices => _indices.Top(Tokens);

    /// <summary>The positions behind <see cref="Indices"/>; null without the expanded form.</summary>
    public int* ChosenPositions { get; }

    /// <summary>f32 [tokens, experts].</summary>
    public DeviceTensor RouterLogits => _routerLogits.Top(Tokens);

    /// <summary>i32 [tokens, top experts], ascending.</summary>
    public DeviceTensor ExpertIds => _expertIds.Top(Tokens);

    /// <summary>f32 [tokens, top experts].</summary>
    public DeviceTensor ExpertWeights => _expertWeights.Top(Tokens);

    /// <summary>The row of <see cref="Permuted"/> that holds a token for an expert, i32 [tokens, top experts].</summary>
    public DeviceTensor RowOf => _rowOf.Top(Tokens);

    /// <summary>The expert of each row of <see cref="Permuted"/>, −1 on padding.</summary>
    public int* ExpertOfRow { get; }

    /// <summary>Tokens sorted by expert, [expert rows, hidden].</summary>
    public QuantizedTensor Permuted => _permuted.WithRows(CurrentExpertRows);

    /// <summary>SiLU(gate) · up of the experts, [expert rows, moe intermediate].</summary>
    public DeviceTensor ExpertGated => _expertGated.Top(CurrentExpertRows);

    /// <summary><see cref="ExpertGated"/>, quantised.</summary>
    public QuantizedTensor ExpertCodes => _expertCodes.WithRows(CurrentExpertRows);

    /// <summary>[expert rows, hidden].</summary>
    public DeviceTensor ExpertOutput => _expertOutput.Top(CurrentExpertRows);

    /// <summary>Output of the shared experts, [tokens, hidden].</summary>
    public DeviceTensor SharedOutput => _sharedOutput.Top(Tokens);

    /// <summary>What the predictor projects, [tokens, (embedding, hidden)].</summary>
    public DeviceTensor Joined => _joined.Top(Tokens);

    /// <summary><see cref="Joined"/>, quantised.</summary>
    public QuantizedTensor JoinedCodes => _joinedCodes.WithRows(Tokens);

    /// <summary>Rows that each expert's share is padded to: 128 for CUDA's grouped GEMM.</summary>
    public int ExpertAlignment { get; }

    private int CurrentExpertRows => ExpertRows(Tokens, _expertIds.Columns, _routerLogits.Columns);

    /// <summary>SiLU(gate) · up, [tokens, intermediate].</summary>
    public DeviceTensor Gated(int intermediate) =>
        new(_gated.Data, _gated.Type, Tokens, intermediate, intermediate);

    /// <summary><see cref="Gated"/>, quantised.</summary>
    public QuantizedTensor GatedCodes(int intermediate) =>
        new(_gatedCodes.Codes, _gatedCodes.Scales, Tokens, intermediate);

    /// <summary>The most rows that tokens sorted by expert take with each share padded.</summary>
    private int ExpertRows(int tokens, int topExperts, int experts)
    {
        int routed = tokens * topExperts;
        int rows = routed + Math.Min(experts, routed) * (ExpertAlignment - 1);
        return (rows + ExpertAlignment - 1) / ExpertAlignment * ExpertAlignment;
    }
}
