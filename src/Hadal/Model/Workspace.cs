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
    private readonly LinearInput _x;
    private readonly LinearInput _queryLatent;
    private readonly DeviceTensor _query;
    private readonly DeviceTensor _keyLatent;
    private readonly DeviceTensor _absorbedQuery;
    private readonly DeviceTensor _attended;
    private readonly LinearInput _values;
    private readonly DeviceTensor _indexQuery;
    private readonly DeviceTensor _indexKey;
    private readonly DeviceTensor _indexWeights;
    private readonly DeviceTensor _indices;
    private readonly LinearInput _gated;
    private readonly DeviceTensor _up;
    private readonly DeviceTensor _routerLogits;
    private readonly DeviceTensor _expertIds;
    private readonly DeviceTensor _expertWeights;
    private readonly DeviceTensor _rowOf;
    private readonly LinearInput _permuted;
    private readonly LinearInput _expertGated;
    private readonly DeviceTensor _expertUp;
    private readonly DeviceTensor _expertOutput;
    private readonly DeviceTensor _sharedOutput;
    private readonly LinearInput _joined;

    /// <param name="memory">Where it is allocated.</param>
    /// <param name="plan">The model's shapes and the sizes of its steps.</param>
    /// <param name="forms">The forms of input that its linears take.</param>
    public Workspace(DeviceMemory memory, ModelPlan plan, ScratchForms forms)
    {
        DeepSeekConfig config = plan.Config;
        hd_dtype act = plan.Activations;
        int tokens = plan.StepOptions.MaxStepTokens;
        int heads = config.NumAttentionHeads;
        ExpertAlignment = plan.Device.GroupAlignment;
        _residual = memory.Matrix(act, tokens, config.HiddenSize);
        _x = Input(tokens, config.HiddenSize, forms.Linears | forms.Experts);
        _queryLatent = Input(tokens, config.QLoraRank ?? 0, forms.Linears);
        _query = memory.Matrix(act, tokens, heads * config.Attention.QueryHeadDim);
        _keyLatent = memory.Matrix(act, tokens, NativeMethods.HD_MLA_DIM);
        _absorbedQuery = memory.Matrix(act, tokens, heads * NativeMethods.HD_MLA_DIM);
        _attended = memory.Matrix(act, tokens, heads * NativeMethods.HD_LATENT_DIM);
        _values = Input(tokens, heads * config.Attention.ValueDim, forms.Linears);
        if (config.Indexer is { } indexer)
        {
            _indexQuery = memory.Matrix(act, tokens, indexer.NumHeads * indexer.HeadDim);
            IndexQueryCodes = (byte*)memory.Allocate((long)tokens * _indexQuery.Columns);
            IndexQueryScales = (float*)
                memory.Allocate(
                    QuantizedTensor.AlignRows(tokens * indexer.NumHeads) * sizeof(float)
                );
            _indexKey = memory.Matrix(act, tokens, indexer.HeadDim);
            _indexWeights = memory.Matrix(hd_dtype.HD_DTYPE_F32, tokens, indexer.NumHeads);
            _indices = memory.Matrix(hd_dtype.HD_DTYPE_I32, tokens, plan.TopK);
            if (plan.ExpandedTokens > 0)
                ChosenPositions = (int*)memory.Allocate((long)tokens * plan.TopK * sizeof(int));
        }
        int intermediate = Math.Max(config.IntermediateSize, config.SharedIntermediateSize);
        _gated = Input(tokens, intermediate, forms.Linears);
        if (forms.Linears.HasFlag(InputForms.Plain))
            _up = memory.Matrix(act, tokens, intermediate);

        int rows = ExpertRows(tokens, config.NumExpertsPerTok, config.NRoutedExperts);
        _routerLogits = memory.Matrix(hd_dtype.HD_DTYPE_F32, tokens, config.NRoutedExperts);
        _expertIds = memory.Matrix(hd_dtype.HD_DTYPE_I32, tokens, config.NumExpertsPerTok);
        _expertWeights = memory.Matrix(hd_dtype.HD_DTYPE_F32, tokens, config.NumExpertsPerTok);
        _rowOf = memory.Matrix(hd_dtype.HD_DTYPE_I32, tokens, config.NumExpertsPerTok);
        ExpertOfRow = (int*)memory.Allocate((long)rows * sizeof(int));
        _permuted = LinearInput.Allocate(memory, act, rows, config.HiddenSize, forms.Experts);
        _expertGated = Input(rows, config.MoeIntermediateSize, forms.Experts);
        if (forms.Experts.HasFlag(InputForms.Plain))
            _expertUp = memory.Matrix(act, rows, config.MoeIntermediateSize);
        _expertOutput = memory.Matrix(act, rows, config.HiddenSize);
        _sharedOutput = memory.Matrix(act, tokens, config.HiddenSize);
        if (plan.HasPredictor)
            _joined = Input(tokens, 2 * config.HiddenSize, forms.Linears);

        // The plain form is where the input is made.
        LinearInput Input(int rows, int columns, InputForms wanted) =>
            LinearInput.Allocate(memory, act, rows, columns, wanted | InputForms.Plain);
    }

    /// <summary>Tokens of the step: the rows of everything below but the experts'.</summary>
    public int Tokens { get; set; }

    /// <summary>The residual stream, [tokens, hidden].</summary>
    public DeviceTensor Residual => _residual.Top(Tokens);

    /// <summary>
    /// The plain form of <see cref="Input"/>, and what a block leaves to be added to the residual stream, [tokens, hidden].
    /// </summary>
    public DeviceTensor X => _x.Plain.Top(Tokens);

    /// <summary>What a block takes, [tokens, hidden].</summary>
    public LinearInput Input => _x.WithRows(Tokens);

    /// <summary>q_a_proj's output, [tokens, q_lora].</summary>
    public DeviceTensor QueryLatent => _queryLatent.Plain.Top(Tokens);

    /// <summary>qr, its norm, in the same place.</summary>
    public LinearInput QueryInput => _queryLatent.WithRows(Tokens);

    /// <summary>[tokens, heads · (nope, rope)].</summary>
    public DeviceTensor Query => _query.Top(Tokens);

    /// <summary>[tokens, (latent, rope)].</summary>
    public DeviceTensor KeyLatent => _keyLatent.Top(Tokens);

    /// <summary>[tokens, heads · (latent, rope)].</summary>
    public DeviceTensor AbsorbedQuery => _absorbedQuery.Top(Tokens);

    /// <summary>What attention gives in the latent, [tokens, heads · 512].</summary>
    public DeviceTensor Attended => _attended.Top(Tokens);

    /// <summary>[tokens, heads · v].</summary>
    public LinearInput Values => _values.WithRows(Tokens);

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
    public LinearInput Permuted => _permuted.WithRows(CurrentExpertRows);

    /// <summary>SiLU(gate) · up of the experts, [expert rows, moe intermediate].</summary>
    public LinearInput ExpertGated => _expertGated.WithRows(CurrentExpertRows);

    /// <summary>Output of up_proj of experts that are not quantised, [expert rows, moe intermediate].</summary>
    public DeviceTensor ExpertUp =>
        _expertUp.Rows == 0 ? default : _expertUp.Top(CurrentExpertRows);

    /// <summary>[expert rows, hidden].</summary>
    public DeviceTensor ExpertOutput => _expertOutput.Top(CurrentExpertRows);

    /// <summary>Output of the shared experts, [tokens, hidden].</summary>
    public DeviceTensor SharedOutput => _sharedOutput.Top(Tokens);

    /// <summary>What the predictor projects, [tokens, (embedding, hidden)].</summary>
    public LinearInput Joined => _joined.WithRows(Tokens);

    /// <summary>Rows that each expert's share is padded to: 128 for CUDA's grouped GEMM.</summary>
    public int ExpertAlignment { get; }

    private int CurrentExpertRows => ExpertRows(Tokens, _expertIds.Columns, _routerLogits.Columns);

    /// <summary>SiLU(gate) · up, [tokens, intermediate].</summary>
    public LinearInput Gated(int intermediate) =>
        new(
            Narrow(_gated.Plain, intermediate),
            new QuantizedTensor(_gated.Codes.Codes, _gated.Codes.Scales, Tokens, intermediate)
        );

    /// <summary>Output of up_proj where that is not quantised, [tokens, intermediate].</summary>
    public DeviceTensor Up(int intermediate) => Narrow(_up, intermediate);

    private DeviceTensor Narrow(DeviceTensor x, int columns) =>
        new(x.Data, x.Type, Tokens, columns, columns);

    /// <summary>The most rows that tokens sorted by expert take with each share padded.</summary>
    private int ExpertRows(int tokens, int topExperts, int experts)
    {
        int routed = tokens * topExperts;
        int rows = routed + Math.Min(experts, routed) * (ExpertAlignment - 1);
        return (rows + ExpertAlignment - 1) / ExpertAlignment * ExpertAlignment;
    }
}
