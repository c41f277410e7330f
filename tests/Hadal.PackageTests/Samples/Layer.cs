using Hadal.Bindings;

// A linear layer as DeepSeek has them: x is quantised to FP8 by 128 columns, the weight has a scale a block of 128 by 128.
const int M = 2,
    N = 256,
    K = 512;
using DeviceHandle device = DeviceHandle.Create(
    hd_device_kind.HD_DEVICE_CPU,
    ordinal: 0,
    threadCount: 0
);
using StreamHandle stream = StreamHandle.Create(device);
var x = new float[M * K];
var y = new float[M * N];
var weight = new byte[N * K];
var weightScale = new float[N / 128 * (K / 128)];
Array.Fill(x, 0.5f);
Array.Fill(weight, (byte)0x38); // 1 in e4m3
Array.Fill(weightScale, 0.25f);
unsafe
{
    var codes = stackalloc byte[M * K];
    var scales = stackalloc float[M * K / 128];
    fixed (
        float* input = x,
            output = y,
            blockScales = weightScale
    )
    fixed (byte* blocks = weight)
    {
        var quantize = new hd_fp8_quantize_args
        {
            struct_size = (uint)sizeof(hd_fp8_quantize_args),
            x_dtype = (int)hd_dtype.HD_DTYPE_F32,
            scale_format = (int)hd_scale_format.HD_SCALE_UE8M0,
            m = M,
            k = K,
            x = input,
            x_stride = K,
            q = codes,
            scale = scales,
            scale_row_stride = K / 128,
            scale_block_stride = 1,
        };
        stream.Run(&NativeMethods.hd_fp8_quantize, &quantize);
        var gemm = new hd_fp8_gemm_args
        {
            struct_size = (uint)sizeof(hd_fp8_gemm_args),
            d_dtype = (int)hd_dtype.HD_DTYPE_F32,
            m = M,
            n = N,
            k = K,
            a = codes,
            a_scale = scales,
            a_scale_row_stride = K / 128,
            a_scale_block_stride = 1,
            b = blocks,
            b_scale = blockScales,
            d = output,
            d_stride = N,
        };
        stream.Run(&NativeMethods.hd_fp8_gemm, &gemm);
    }
}
Console.WriteLine($"{y[0]} {y[^1]}"); // 64 64: 512 products of 0.5 and 0.25
