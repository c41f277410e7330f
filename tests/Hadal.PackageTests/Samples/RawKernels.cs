using Hadal.Bindings;

using DeviceHandle device = DeviceHandle.Create(
    hd_device_kind.HD_DEVICE_CPU,
    ordinal: 0,
    threadCount: 0
);
using StreamHandle stream = StreamHandle.Create(device);
ReadOnlySpan<float> x = [3, 4, 0, 0],
    weight = [1, 1, 1, 2];
Span<float> y = stackalloc float[4];
unsafe
{
    fixed (
        float* input = x,
            scale = weight,
            output = y
    )
    {
        var norm = new hd_rms_norm_args
        {
            struct_size = (uint)sizeof(hd_rms_norm_args),
            x_dtype = (int)hd_dtype.HD_DTYPE_F32,
            weight_dtype = (int)hd_dtype.HD_DTYPE_F32,
            m = 1,
            n = 4,
            epsilon = 1e-6f,
            x = input,
            x_stride = 4,
            weight = scale,
            y = output,
            y_stride = 4,
        };
        stream.Run(&NativeMethods.hd_rms_norm, &norm);
    }
}
Console.WriteLine(string.Join(' ', y.ToArray().Select(value => value.ToString("F3")))); // 1.200 1.600 0.000 0.000
